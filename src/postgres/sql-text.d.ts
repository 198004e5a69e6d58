/** What `import text from "./x.sql" with { type: "text" }` gives. */
declare module "*.sql" {
  const text: string;
  export = text;
}
