/** One row of the error table: what it means. The table is kept equal to `docs/errors.md` by a test. */
export const errorTable = {
  mesh_bind_failed: "The mesh could not listen on its address.",
  mesh_config_invalid: "A mesh option has a value that cannot work.",
  discovery_config_invalid: "An option of a discovery strategy or topology has a value that cannot work.",
  discovery_start_failed:
    "A discovery strategy could not begin to look, as its port, interface or library is not to be had.",
  engine_config_invalid: "An option of an engine with a broker has a value that cannot work.",
  engine_unreachable: "The broker of the engine did not answer in time, or was lost.",
  engine_refused:
    "The broker of the engine does not take this node: credentials, permissions or certificates.",
  engine_not_installed: "The package or the program that the chosen engine needs is not installed.",
  payload_not_object: "A push or broadcast payload is neither a JSON object nor bytes.",
  payload_not_json: "A payload cannot be written as JSON.",
  payload_binary_v1: "A binary payload was pushed to a client that speaks the V1 protocol, which has none.",
  payload_too_large: "A message is larger than the engine between the nodes can carry.",
  field_too_long:
    "A join_ref, ref, topic, event or status of a binary message is longer than 255 bytes, or an event than 65,535.",
  not_joined: "A push or broadcast was attempted before join returned.",
  endpoint_config_invalid: "An endpoint, socket or channel option has a value that cannot work.",
  endpoint_bind_failed: "The endpoint could not listen on its address.",
  endpoint_state: "The endpoint was used before it started or after it stopped.",
  token_config_invalid: "A secret, salt or option of a token has a value that cannot work.",
  token_data_invalid: "A token was to carry data that it cannot: of a wrong type, too deep or too large.",
  token_input_missing: "A secret, key or token that a command needs is missing, or cannot be read.",
  token_keys_unavailable: "The keys that would verify a token cannot be had now.",
  token_package_missing: "The package that JSON Web Tokens need is not installed.",
  revocation_invalid: "A revocation names nothing, several things, or a time that has not come.",
  balancer_bind_failed: "The front door could not listen on its address.",
  balancer_start_failed: "The balancer's program is missing, or does not run with its configuration.",
  balancer_update_failed: "The balancer did not take a change of its servers.",
  scale_config_invalid:
    "An option of the autoscaler or of a driver, a field of a policy, or a line of a trace cannot work.",
  scale_driver_failed: "A driver could not make the fleet what was decided; the fleet stays where it is.",
  balancer_config_unwritten: "The config of a balancer could not be written to its file.",
  balancer_unreachable: "The balancer does not answer at its control socket, or answers nonsense.",
  app_load_failed: "The application is missing, threw while it loaded, or made no endpoint.",
  fleet_start_failed: "A node of the fleet did not become ready.",
  fleet_door_taken: "The port of the fleet's door is taken by another program or fleet.",
  fleet_not_found: "No fleet answers behind that door.",
  fleet_node_unknown: "The fleet has no node of that name.",
  fleet_order_refused: "The fleet does not do as it is told now: the message says what stands against it.",
  drain_failed: "A drain did not end as it should: the node died, had to be killed, or could not be kept.",
  deploy_failed: "A rolling deploy was stopped: the message says what became of it, and which nodes run.",
  control_failed: "The control socket of a fleet could not be made, or gave no proper answer.",
  load_scenario_invalid: "A load scenario is missing, does not load, or has a field that cannot work.",
  load_worker_failed: "A worker of the load tool did not start, or could not join its coordinator.",
  load_report_invalid: "A file is no report of the load tool, or one of a version that it does not know.",
  load_report_unwritten: "A report of the load tool could not be written.",
} as const satisfies Record<string, string>;

/** Stable code of an operational error. */
export type ErrorCode = keyof typeof errorTable;

/** The one class of operational errors. Programs switch on `code`; `message` is for people. */
export class SimurghError extends Error {
  override readonly name = "SimurghError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}
