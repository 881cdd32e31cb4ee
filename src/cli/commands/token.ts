import { type Command, InvalidArgumentError, Option } from "commander";
import { publicAlgorithms, secretAlgorithms } from "../../auth/jwt/algorithms.js";
import type { VerifiedToken } from "../../contracts/token.js";
import { SimurghError } from "../../runtime/errors.js";
import { readArgument } from "../token/input.js";
import { inspectToken, looksLike, type TokenKind } from "../token/inspect.js";
import type { JwtChoice } from "../token/jwt.js";
import { type PhoenixChoice, phoenixVerifierOf, signPhoenix } from "../token/phoenix.js";
import { showJson, showTime } from "../token/show.js";

/** Exit code for a token that does not pass. */
const refused = 3;

type Choice = Omit<PhoenixChoice & JwtChoice, "secretEnv"> & {
  readonly type?: TokenKind;
  readonly secretEnv?: string;
};

const signHelp = `
The secret comes from the environment, from a file, or from the standard input (--secret-file -); there is no option to
say it on the command line, which every process on the machine can read.

  simurgh token sign '"user-42"' --salt 'user auth'                 # with SECRET_KEY_BASE, for Phoenix
  simurgh token sign '{"sub":"user-42"}' --type jwt --expires-in 900  # with JWT_SECRET, HS256
  simurgh token sign '{"sub":"user-42"}' --type jwt --key-file private.pem --kid k1`;

const verifyHelp = `
Without a token in the arguments it is read from the standard input. Prints what the token says, as JSON.

Exit codes: 0 it passes; 3 it does not, and the JSON says why; 1 it cannot be checked; 2 the command line is wrong.

  simurgh token verify --salt 'user auth' < token.txt
  simurgh token verify --jwks-url https://id.example.com/.well-known/jwks.json \\
    --issuer https://id.example.com --audience chat < token.txt`;

const inspectHelp = `
Reads without a key: anybody could have written what it shows. Exit code 3: it is no token.

  pbpaste | simurgh token inspect`;

/** Adds `simurgh token`. */
export function addToken(program: Command, onExitCode: (code: number) => void): void {
  const token = program
    .command("token")
    .summary("sign, verify and read tokens")
    .description("Signs, verifies and reads tokens: those of Phoenix, and JSON Web Tokens.");
  withKeys(token.command("sign"))
    .summary("make a token")
    .description("Signs data, written as JSON, and prints the token.")
    .argument("[data]", "JSON; - or nothing reads the standard input")
    .option("--expires-in <seconds>", "how long a JWT is good for, or infinity (default: 3600)", seconds)
    .option("--kid <name>", "the name of the key, for the header of a JWT")
    .addHelpText("after", signHelp)
    .action(async (data: string | undefined, choice: Choice) => {
      process.stdout.write(`${await sign(await readArgument(data, "the data", filesOf(choice)), choice)}\n`);
      onExitCode(0);
    });
  withKeys(token.command("verify"))
    .summary("check a token")
    .description("Checks a token as a server would.")
    .argument("[token]", "the token; - or nothing reads the standard input")
    .option("--jwks-url <url>", "where the public keys of a JWT's issuer are published")
    .addHelpText("after", verifyHelp)
    .action(async (text: string | undefined, choice: Choice) => {
      onExitCode(await verify(await readArgument(text, "the token", filesOf(choice)), choice));
    });
  token
    .command("inspect")
    .summary("read a token without checking it")
    .description("Shows what is written in a token. It does not check it: nothing of it need be true.")
    .argument("[token]", "the token; - or nothing reads the standard input")
    .addHelpText("after", inspectHelp)
    .action(async (text: string | undefined) => {
      onExitCode(inspect(await readArgument(text, "the token", [])));
    });
}

function withKeys(command: Command): Command {
  return command
    .addOption(
      new Option("--type <type>", "the kind of token (default: what it looks like, or phoenix)").choices([
        "phoenix",
        "jwt",
      ]),
    )
    .option("--secret-env <name>", "the variable with the secret (default: SECRET_KEY_BASE, or JWT_SECRET)")
    .option("--secret-file <path>", "a file with the secret; - is the standard input")
    .option("--salt <salt>", "what a Phoenix token is for, such as 'user auth'")
    .option("--encrypted", "a Phoenix token that nobody can read")
    .option(
      "--max-age <seconds>",
      "how old it may be, or infinity; beats the age in a Phoenix token",
      seconds,
    )
    .addOption(
      new Option("--alg <algorithm>", "the algorithm of a JWT").choices([
        ...secretAlgorithms,
        ...publicAlgorithms,
      ]),
    )
    .option(
      "--key-file <path>",
      "the private key that signs a JWT, or the public one that checks it: PEM or JWK",
    )
    .option("--issuer <name>", "the issuer of a JWT")
    .option("--audience <name>", "whom a JWT is for");
}

function seconds(text: string): number {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number of seconds, or infinity.");
}

function filesOf({ secretFile, keyFile }: Choice): (string | undefined)[] {
  return [secretFile, keyFile];
}

function secretEnvOf({ secretEnv }: Choice, kind: TokenKind): { secretEnv: string } {
  return { secretEnv: secretEnv ?? (kind === "jwt" ? "JWT_SECRET" : "SECRET_KEY_BASE") };
}

async function sign(data: string, choice: Choice): Promise<string> {
  const { type = "phoenix" } = choice;
  const whole = { ...choice, ...secretEnvOf(choice, type) };
  return type === "phoenix" ? signPhoenix(data, whole) : (await loadJwt()).signJwt(data, whole);
}

async function verify(text: string, choice: Choice): Promise<number> {
  const { type = looksLike(text) } = choice;
  const whole = { ...choice, ...secretEnvOf(choice, type) };
  const verifier =
    type === "phoenix" ? await phoenixVerifierOf(whole) : await (await loadJwt()).jwtVerifierOf(whole);
  const checked = await verifier.verify(text);
  if (!checked.ok && checked.reason === "unavailable")
    throw new SimurghError("token_keys_unavailable", "the keys cannot be had, so the token was not checked");
  process.stdout.write(
    showJson(checked.ok ? report(checked.token) : { valid: false, reason: checked.reason }),
  );
  return checked.ok ? 0 : refused;
}

function report({ subject, tokenId, issuedAtS, notBeforeS, expiresAtS, claims }: VerifiedToken): object {
  return {
    valid: true,
    subject,
    tokenId,
    issuedAt: showTime(issuedAtS),
    notBefore: showTime(notBeforeS),
    expiresAt: showTime(expiresAtS) ?? "never",
    claims,
  };
}

function inspect(text: string): number {
  const found = inspectToken(text);
  process.stdout.write(showJson({ verified: false, ...(found ?? { fault: "this is no token" }) }));
  return found === undefined ? refused : 0;
}

/** Loads what needs `jose`, which is not there unless somebody wants JSON Web Tokens. */
async function loadJwt(): Promise<typeof import("../token/jwt.js")> {
  try {
    return await import("../token/jwt.js");
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    const message = "JSON Web Tokens need the package jose: npm install jose";
    throw new SimurghError("token_package_missing", message, { cause });
  }
}
