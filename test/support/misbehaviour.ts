/** What a function of the user may do instead of its job, and which options are functions. */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const mine = new Error("a bug of the user's");

/** What a callback does instead of its job. */
export const WAYS = {
  throws: () => {
    throw mine;
  },
  "throws anything that is not an error": () => {
    throw Object.create(null);
  },
  rejects: () => Promise.reject(mine),
  "returns what rejects when it is looked at": () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    get then() {
      throw mine;
    },
  }),
  "returns what rejects twice": () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    then(_: unknown, reject: (thrown: unknown) => void) {
      reject(mine);
      reject(mine);
    },
  }),
  "returns null": () => null,
  "returns a number": () => 5,
  "returns an object of no known shape": () => ({ ok: false }),
  "never answers": () => new Promise(() => {}),
};
export type Way = keyof typeof WAYS;

/** Members of an interface whose type, without undefined, can be called. */
export function functionOptions(file: string, name: string): string[] {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  const program = ts.createProgram([path], {
    strict: true,
    module: ts.ModuleKind.NodeNext,
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path) as ts.SourceFile;
  const declaration = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  ) as ts.InterfaceDeclaration;
  const canBeCalled = (type: ts.Type): boolean =>
    type.isUnion() ? type.types.some(canBeCalled) : type.getCallSignatures().length > 0;
  const members = checker.getPropertiesOfType(checker.getTypeAtLocation(declaration));
  return members
    .filter((member) => canBeCalled(checker.getTypeOfSymbolAtLocation(member, declaration)))
    .map((member) => member.name);
}

/** The errors that the channel of errors brings during a test. */
export function errorsOf(t: TestContext): Error[] {
  const errors: Error[] = [];
  const listener = (message: unknown) => {
    errors.push((message as { error: Error }).error);
  };
  subscribe("hawser:connection:error", listener);
  t.after(() => unsubscribe("hawser:connection:error", listener));
  return errors;
}
