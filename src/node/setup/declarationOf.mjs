import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "./checkout.mjs";
import { declarationFile } from "./declarationFile.mjs";

/**
 * How tsc declares an export, and what the comment before it says.
 * @param {string} module a source file, relative to src/
 * @param {string} name
 */
export function declarationOf(module, name) {
  const text = readFileSync(join(checkout, declarationFile(module)), "utf8");
  const start = new RegExp(`^export (?:declare )?(?:function|interface|class|type|const) ${name}\\b`, "m").exec(text);
  if (start === null) throw new Error(`src/${module} does not declare ${name}`);
  const before = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, start.index))?.[1] ?? "";
  return { doc: prose(before), text: declaration(text.slice(start.index)) };
}

/** @param {string} comment */
function prose(comment) {
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\*? ?/, "").trimEnd());
  return lines
    .join("\n")
    .trim()
    .replace(/^@param (\S+) ?/gm, "- `$1`: ")
    .replace(/^@(throws|returns) /gm, (_, tag) => (tag === "throws" ? "- Throws " : "- Returns "))
    .replace(/([^\n])\n- /g, "$1\n\n- ")
    .replace(/(^- .*)\n\n(?=- )/gm, "$1\n");
}

/**
 * Up to the end of the statement, without what is private.
 * @param {string} text
 */
function declaration(text) {
  let depth = 0;
  let end = 0;
  for (const character of withoutComments(text)) {
    end++;
    if ("{([".includes(character)) depth++;
    if ("})]".includes(character)) depth--;
    // An interface or class ends with its brace, the rest with a semicolon.
    if (
      depth === 0 &&
      (character === ";" || (character === "}" && /^export (?:declare )?(?:interface|class)/.test(text)))
    )
      break;
  }
  return text
    .slice(0, end)
    .replace(/^export (?:declare )?/, "")
    .replace(/^ +(?:#private;|private .*)\n/gm, "")
    .replace(/ +$/gm, "")
    .replace(/^( +)/gm, (spaces) => " ".repeat(spaces.length / 2))
    .replace(/^ (\s*\*)/gm, "$1");
}

/**
 * Of the same length, with blanks for comments: a brace in one counts for nothing.
 * @param {string} text
 */
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => " ".repeat(comment.length));
}
