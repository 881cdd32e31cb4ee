/** The official client of older times has the same interface, as far as the tests go. */
declare module "phoenix16" {
  export * from "phoenix";
}
