/** Fills the V2 frame `[null,null,"room:bench","shout",{"body":"…"}]` up to 120 bytes. */
export const payloadBody = "x".repeat(120 - '[null,null,"room:bench","shout",{"body":""}]'.length);

/** The 120 bytes that servers without a protocol of their own send. */
export const plainMessage = JSON.stringify([null, null, "room:bench", "shout", { body: payloadBody }]);
