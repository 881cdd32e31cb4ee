/** Text as it may stand in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** A value as JSON that may stand in a script or an attribute in double quotes. */
export function escapeData(value: unknown): string {
  return escapeHtml(JSON.stringify(value));
}
