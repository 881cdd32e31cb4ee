/** WebSocket close codes that this server sends, and when. */
export const closeCodes = {
  /** The node or the application ends the connection in good order; phoenix.js does not come back after it. */
  normal: 1000,
  /** `disconnect` was broadcast to the socket's id. */
  goingAway: 1001,
  /** The client sent nothing within the idle timeout. */
  idle: 1002,
  /** A message breaks a limit that the client was told of. */
  policyViolation: 1008,
  /** A frame is no message of the negotiated protocol, or the server failed. */
  crashed: 1011,
  /** The node drains: come back, to another node. */
  draining: 1012,
  /** The client reads too slowly for its queue. */
  tooSlow: 1013,
  /** The client's token has expired, and it was not renewed: come back with another one. */
  tokenExpired: 4001,
  /** The client's token was called back. */
  tokenRevoked: 4003,
} as const;
