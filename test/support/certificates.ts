import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate with its key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** A certificate authority that lives as long as a test file. */
export class Authority {
  readonly ca: string;
  readonly #openssl: string;
  readonly #folder: string;
  #issued = 0;

  constructor(openssl: string) {
    this.#openssl = openssl;
    this.#folder = mkdtempSync(join(tmpdir(), "simurgh-ca-"));
    this.#run(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-subj",
      "/CN=test ca",
      "-days",
      "2",
    );
    this.ca = this.#read("ca.pem");
  }

  /** Signs a certificate for a subject alternative name, such as `IP:127.0.0.1` or `DNS:mesh.test`. */
  issue(altName: string): Certificate {
    this.#issued += 1;
    const [key, csr, pem, ext] = ["key", "csr", "pem", "ext"].map((end) => `${this.#issued}.${end}`) as [
      string,
      string,
      string,
      string,
    ];
    writeFileSync(join(this.#folder, ext), `subjectAltName=${altName}\n`);
    this.#run("req", ...newKey, "-keyout", key, "-out", csr, "-subj", "/CN=node");
    const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", ext];
    this.#run("x509", "-req", "-in", csr, "-out", pem, ...signing);
    return { cert: this.#read(pem), key: this.#read(key) };
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(...args: string[]): void {
    execFileSync(this.#openssl, args, { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] });
  }

  #read(name: string): string {
    return readFileSync(join(this.#folder, name), "utf8");
  }
}
