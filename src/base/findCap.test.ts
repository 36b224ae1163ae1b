import { describe, expect, it, test } from "vitest";
import { capOf, findCap } from "./findCap.ts";

const CAP = "URI:CHK:aaaa:bbbb:3:10:1234";
const QUOTED = encodeURIComponent(CAP);

describe("CAP-1 a cap is found within what people paste", () => {
  test.each([
    [CAP],
    [`  ${CAP}\r\n`],
    [`"${CAP}"`],
    [`'${CAP}'`],
    [`“${CAP}”`],
    [`<${CAP}>`],
    [`(${CAP}).`],
    [`It is ${CAP}.`],
    [`\u200b${CAP}\u200b`],
    [`Look: *${CAP}*!`],
    [`_${CAP}_`],
    [`${CAP}—that one`],
    [QUOTED],
    [QUOTED.toLowerCase().replace("uri", "URI").replace("chk", "CHK")],
    [`http://127.0.0.1:3456/uri/${QUOTED}`],
    [`http://127.0.0.1:3456/uri/${CAP}?filename=film.webm&save=true`],
    [`http://127.0.0.1:3456/uri?uri=${QUOTED}`],
    [`http://127.0.0.1:3456/uri/${QUOTED}%0A`],
    [`http://127.0.0.1:3456/uri?uri=%22${QUOTED}%22`],
    [`%20${QUOTED}.%0D%0A`],
    [`http://127.0.0.1:3456/file/${QUOTED}/@@named=/film.webm`],
    [`https://app.example/#add=${QUOTED}&name=film.webm`],
  ])("%j", (text) => {
    expect(capOf(text)).toBe(CAP);
  });

  test.each(["URI:LIT:", "imm.URI:LIT:nbuq", "ro.URI:SSK-RO:aa:bb", "URI:MDMF:aa:bb:3:131073"])("%j stays", (cap) => {
    expect(capOf(cap)).toBe(cap);
  });

  it("and what has none is left to the parser, without the blanks around it", () => {
    expect(findCap("film.webm")).toBeUndefined();
    expect(capOf(" film.webm\n")).toBe("film.webm");
  });
});

test.each([
  [undefined, "it is of type undefined, and not a text"],
  [null, "it is null, and not a text"],
  [{}, "it is of type object, and not a text"],
  [42, "it is of type number, and not a text"],
])("CAP-3 %j is no cap, and is named", (given, reason) => {
  expect(() => capOf(given)).toThrow(
    expect.objectContaining({
      code: "BAD_CAP",
      details: { reason },
      message: `This is not a cap that can be used: ${reason}.`,
    }),
  );
});
