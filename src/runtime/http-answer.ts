/** An HTTP answer, small enough to be a value. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a mount reads the session from; the reader MUST check the CSRF token when the request is cross-site. */
export interface SessionSource {
  /** The `cookie` header. */
  readonly cookie: string | undefined;
  /** The `_csrf_token` parameter. */
  readonly csrfToken: string | undefined;
  /** Whether the origin's host is the request's own. */
  readonly sameOrigin: boolean;
}
