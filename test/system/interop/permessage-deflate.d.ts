/** What the tests use of a package that comes without types. */

declare module "permessage-deflate" {
  interface Options {
    readonly level?: number;
    readonly memLevel?: number;
    readonly noContextTakeover?: boolean;
    readonly maxWindowBits?: number;
    readonly requestNoContextTakeover?: boolean;
    readonly requestMaxWindowBits?: number;
  }

  interface Extension {
    configure(options: Options): Extension;
  }

  const extension: Extension;
  export default extension;
}
