import { expect, it } from "vitest";
import { readCapText } from "./readCapText.ts";

const CAP = "URI:CHK:aaaa:bbbb:3:10:1234";
const QUOTED = encodeURIComponent(CAP);

it.each([
  [CAP, ""],
  [`  ${CAP}\n`, ""],
  [QUOTED, ""],
  [`http://127.0.0.1:3456/uri/${QUOTED}`, ""],
  [`http://127.0.0.1:3456/uri/${CAP}?filename=a%20film.webm&save=true`, "a film.webm"],
  [`http://127.0.0.1:3456/file/${QUOTED}/@@named=/gr%C3%BCn.txt`, "grün.txt"],
  [`https://app.example/#add=${QUOTED}&name=film.webm`, "film.webm"],
  [`https://app.example/#${CAP}`, ""],
  [`[InternetShortcut]\r\nURL=http://127.0.0.1:3456/file/${QUOTED}/a.mp3\r\nIconIndex=0\r\n`, "a.mp3"],
  [`Look at this: ${CAP} (a film)`, ""],
])("%j", (text, name) => expect(readCapText(text)).toEqual({ cap: CAP, name }));

it("keeps what a prefix promises", () => {
  expect(readCapText(`imm.${CAP}`)?.cap).toBe(`imm.${CAP}`);
  expect(readCapText("URI:DIR2-RO:aa:bb")?.cap).toBe("URI:DIR2-RO:aa:bb");
});

it.each(["", "hello", "https://example.com/", "urine:x", "%E0%A4%A"])("%j has none", (text) =>
  expect(readCapText(text)).toBe(undefined),
);
