import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A fenced block of code in a document. */
export interface Sample {
  /** As the block's first line, a comment, says; the document and a number where it says none. */
  readonly name: string;
  readonly language: string;
  readonly code: string;
}

/** What stands in the documents for a cap. */
export const CAP_PLACEHOLDER = "URI:CHK:…";

/** All blocks of code of a document, by its path in the checkout. */
export function samplesOf(document: string): Sample[] {
  const text = readFileSync(fileURLToPath(new URL(`../../${document}`, import.meta.url)), "utf8");
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = "", code = ""], index) => {
    const name = /^(?:\/\/|<!--) ([\w.-]+\.\w+)/.exec(code)?.[1] ?? `${document}-${index}.${language}`;
    return { name, language, code };
  });
}

/** The block of that name. */
export function sampleNamed(document: string, name: string): string {
  const found = samplesOf(document).filter((sample) => sample.name === name);
  if (found.length !== 1) throw new Error(`${document} has ${found.length} samples with the name ${name}`);
  return found[0]!.code;
}
