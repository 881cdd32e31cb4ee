import type { BalancerServer } from "../../../contracts/balancer.js";
import type { Address } from "../../../contracts/network.js";
import { bindWords, hostPort, pools, quote, serverKey, serverWords } from "./config.js";

/** What a production config says. */
export interface ProductionSettings {
  readonly door: Address;
  /** The PEM file with the certificate chain and its key; undefined: the door is without TLS. */
  readonly certificate: string | undefined;
  readonly servers: readonly BalancerServer[];
  readonly connectionsMax: number;
  readonly serverConnectionsMax: number;
  /** How long a WebSocket may be silent: above two heartbeats. */
  readonly tunnelTimeoutS: number;
  /** Bounds of one client address; the rates are for 10 s. */
  readonly sourceConnectionsMax: number;
  readonly sourceConnectionRateMax: number;
  readonly sourceRequestRateMax: number;
  /** Where Prometheus reads; undefined: this HAProxy has no exporter built in. */
  readonly metrics: Address | undefined;
  readonly socketPath: string;
  /** The port at which each node says how it is; undefined: none does. */
  readonly agentPort: number | undefined;
}

/** A directive, and why it is there. */
type Line = readonly [why: string, directive: string];

const section = (head: string, why: string, lines: readonly Line[]) =>
  `# ${why}\n${head}\n${lines.map(([reason, text]) => `    # ${reason}\n    ${text}\n`).join("")}`;

/** Writes a config for HAProxy 2.6 or newer that runs by itself, each line with its reason. */
export function productionConfig(settings: ProductionSettings): string {
  return [
    "# A front door for nodes of Simurgh, for HAProxy 2.6 or newer. Check it with: haproxy -c -f <this file>\n",
    section("global", "The process.", globalLines(settings)),
    section("defaults", "What all of the sections below share.", [...timeLines(settings), ...retryLines]),
    section("frontend door", "Where clients come in.", [
      ...bindLines(settings),
      ...limitLines(settings),
      ...headerLines(settings),
      ...routeLines,
    ]),
    section("backend sources", "One row for each client address, read by the limits of the door.", [
      [
        "100,000 addresses; the one unseen for longest makes room. IPv4 fits in.",
        "stick-table type ipv6 size 100k expire 60s store conn_cur,conn_rate(10s),http_req_rate(10s)",
      ],
    ]),
    ...pools.map((pool) => section(`backend ${pool}`, poolWhy[pool], poolLines(settings))),
    metricsSection(settings.metrics),
  ].join("\n");
}

const poolWhy = {
  web: "Requests, long polls among them, which last for milliseconds to seconds: balanced by themselves.",
  websocket:
    "WebSockets, which last for hours: balanced by themselves. The servers are those of the pool web.",
};

function globalLines({ connectionsMax, socketPath, certificate }: ProductionSettings): Line[] {
  const tls: Line[] = [
    ["Nothing older than TLS 1.2.", "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets"],
  ];
  return [
    [
      "Clients at a time; more wait in the system's queue. Each takes two open files: HAProxy does not start where LimitNOFILE (ulimit -Hn) is lower than that.",
      `maxconn ${connectionsMax}`,
    ],
    [
      "Commands at run time: add, weigh, drain and remove nodes without a reload. Whoever may write to it rules the door.",
      `stats socket ${quote(socketPath)} mode 660 level admin expose-fd listeners`,
    ],
    ["To the standard output, which systemd and containers keep.", "log stdout format raw local0 info"],
    [
      "After a reload the old process keeps its WebSockets for this long, then closes them.",
      "hard-stop-after 1h",
    ],
    ...(certificate === undefined ? [] : tls),
  ];
}

function timeLines({ tunnelTimeoutS }: ProductionSettings): Line[] {
  return [
    ["HTTP, for it is read whether a client wants a WebSocket.", "mode http"],
    ["As the process logs.", "log global"],
    ["No line for connections without a request, such as checks of a port.", "option dontlognull"],
    [
      "The path without its query, in which clients carry tokens.",
      'log-format "%ci:%cp [%tr] %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %ac/%sc/%rc %HM %HPO"',
    ],
    ["A node is near; one that does not accept within this is not well.", "timeout connect 2s"],
    ["A client that is silent within a request.", "timeout client 60s"],
    ["A node that does not answer: longer than a long poll is held.", "timeout server 60s"],
    ["A connection that waits for a node with room; then 503.", "timeout queue 5s"],
    ["A check that is not answered has failed.", "timeout check 1s"],
    [
      "A client that sends its request byte by byte holds no node for longer than this.",
      "timeout http-request 10s",
    ],
    ["A connection without a next request.", "timeout http-keep-alive 30s"],
    [
      "A silent WebSocket: above two heartbeats of a client, which come every 30 s.",
      `timeout tunnel ${tunnelTimeoutS}s`,
    ],
    ["A client that has gone without a word after the node closed.", "timeout client-fin 5s"],
    ["A node that does not end after the client closed.", "timeout server-fin 5s"],
    [
      "With no node left: 503, and when to come again.",
      'http-error status 503 content-type text/plain string "no node is ready\\n" hdr retry-after 1 hdr cache-control no-store',
    ],
  ];
}

const retryLines: readonly Line[] = [
  ["A node that is gone is not seen by a client: another one is tried.", "retries 3"],
  ["The next try goes to another node at once.", "option redispatch 1"],
  [
    "Also when a node died before it answered; the door allows that for GET alone.",
    "retry-on conn-failure empty-response",
  ],
];

function bindLines({ door, certificate, connectionsMax }: ProductionSettings): Line[] {
  const bind = bindWords(door);
  const secured = certificate === undefined ? "" : ` ssl crt ${quote(certificate)} alpn h2,http/1.1`;
  const why =
    certificate === undefined
      ? "Without TLS: tokens can be read on the way. For a network that is trusted, or behind something with TLS."
      : "TLS ends here. Clients may speak HTTP/2, also for WebSockets; the nodes are spoken to in HTTP/1.1.";
  return [
    [why, `bind ${bind}${secured}`],
    ["As many as the process takes.", `maxconn ${connectionsMax}`],
  ];
}

function limitLines(settings: ProductionSettings): Line[] {
  const { sourceConnectionsMax, sourceConnectionRateMax, sourceRequestRateMax } = settings;
  const refuse = (words: string, condition: string) =>
    `http-request deny deny_status 429 content-type text/plain string "too many ${words}\\n" hdr retry-after 10 if { ${condition} }`;
  return [
    [
      "Connections and requests are counted by client address. Behind a proxy all come from its address: raise the limits, or count by a header of that proxy.",
      "tcp-request connection track-sc0 src table sources",
    ],
    [
      "A flood is cut before it costs a TLS handshake.",
      `tcp-request connection reject if { sc_conn_cur(0) gt ${sourceConnectionsMax * 2} }`,
    ],
    [
      "Connections of one address at a time, all WebSockets among them. An office or a mobile network may be one address.",
      refuse("connections", `sc_conn_cur(0) gt ${sourceConnectionsMax}`),
    ],
    [
      "New connections of one address in 10 s.",
      refuse("new connections", `sc_conn_rate(0) gt ${sourceConnectionRateMax}`),
    ],
    [
      "Requests of one address in 10 s; a WebSocket is one.",
      refuse("requests", `sc_http_req_rate(0) gt ${sourceRequestRateMax}`),
    ],
  ];
}

function headerLines({ certificate }: ProductionSettings): Line[] {
  return [
    [
      "Nobody may claim to come from somewhere else. Take this out behind a proxy that you trust.",
      "http-request del-header x-forwarded-for",
    ],
    ["The nodes learn the client's address.", "option forwardfor"],
    [
      "The nodes learn whether the client came by TLS.",
      `http-request set-header x-forwarded-proto ${certificate === undefined ? "http" : "https"}`,
    ],
    [
      "Only what is safe to repeat is sent to a second node.",
      "http-request disable-l7-retry unless METH_GET",
    ],
  ];
}

const routeLines: readonly Line[] = [
  [
    "Who asks for a WebSocket goes to the pool of WebSockets.",
    "use_backend websocket if { req.hdr(Upgrade) -i websocket }",
  ],
  ["All else goes to the other one.", "default_backend web"],
];

function poolLines({ servers, serverConnectionsMax, agentPort }: ProductionSettings): Line[] {
  const agent: Line[] = [
    [
      "Each node also says by itself how much it wants: a share of its weight, drain, or how many connections.",
      `default-server agent-check agent-inter 2s agent-port ${agentPort}`,
    ],
  ];
  return [
    [
      "The node with the fewest connections first. A new one comes to its share slowly, see slowstart below.",
      "balance leastconn",
    ],
    ["Each node is asked whether it is ready.", "option httpchk GET /ready"],
    [
      "200: takes new ones. Another status, such as 503 (starting, draining) or 404: takes none, keeps what it has. Silence: lost.",
      "http-check expect error-status L7OKC status 200",
    ],
    [
      "A node that was lost and is back is empty; without this it would be given every new connection.",
      "default-server slowstart 10s",
    ],
    [
      "A node whose name is not known is no reason not to start: it is left out until the next reload.",
      "default-server init-addr last,libc,none",
    ],
    ...(agentPort === undefined ? [] : agent),
    ...servers.map((server, index): Line => {
      const words = serverWords(server, serverConnectionsMax);
      return [
        `${server.name}: asked once a second; lost after 3 silences; its clients are cut then, to come back elsewhere.`,
        `server ${serverKey(server.name, index + 1)} ${hostPort(server.address)} ${words}`,
      ];
    }),
  ];
}

function metricsSection(metrics: Address | undefined): string {
  if (metrics === undefined) return "# No metrics: this HAProxy was built without its Prometheus exporter.\n";
  return section("frontend metrics", "For Prometheus, at a private address.", [
    [
      "Not for clients: bind it to an address that only your monitoring reaches.",
      `bind ${bindWords(metrics)}`,
    ],
    [
      "The exporter that is built into HAProxy.",
      "http-request use-service prometheus-exporter if { path /metrics }",
    ],
    ["Nothing else is here.", "http-request return status 404"],
    ["No line for each scrape.", "option dontlog-normal"],
  ]);
}
