import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { en } from "./en";
import { ptBR } from "./pt-BR";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === "string" ? [[prefix + key, value] as const] : [...flat(value, `${prefix}${key}.`)],
    ),
  );
}

const SRC = join(import.meta.dirname, "..");
const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("i18n") && !name.includes(".test."))
  .map((name) => readFileSync(join(SRC, name), "utf8"))
  .join("\n");

describe("the catalogues", () => {
  it("have the same texts with the same places to fill in", () => {
    const [first, second] = [flat(ptBR), flat(en)];
    expect([...second.keys()]).toEqual([...first.keys()]);
    const holes = (text: string) => [...text.matchAll(/{{\w+}}/g)].map(String).sort();
    for (const [key, text] of first) expect(holes(second.get(key) ?? ""), key).toEqual(holes(text));
  });

  it("hold nothing that no screen shows", () => {
    const groups = [...sources.matchAll(/[`"'](\w+)\.(\w*)\$\{/g)].map(([, group, start]) => `${group}.${start}`);
    const unused = [...flat(ptBR).keys()].filter((key) => {
      const bare = key.replace(/_(zero|one|other)$/, "");
      return !sources.includes(`"${bare}"`) && !groups.some((group) => bare.startsWith(group));
    });
    expect(unused).toEqual([]);
  });
});
