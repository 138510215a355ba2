// For programs that see the body and not the headers: waits for body.retryAfter. Node.js 22.6 or later:
//   WEIR_URL=http://127.0.0.1:8080 WEIR_KEY=wk_... node --experimental-strip-types body_client.ts [CALLS]
import process from "node:process";

type Refusal = { error: string; message: string; retryAfter: number };

const ATTEMPTS_MAX = 8;

async function callOnce(): Promise<unknown> {
  const response = await fetch(`${process.env.WEIR_URL ?? "http://127.0.0.1:8080"}/v1/targets`, {
    headers: { Authorization: `Bearer ${process.env.WEIR_KEY ?? ""}` },
  });
  return response.json();
}

function isRefusal(body: unknown): body is Refusal {
  return typeof body === "object" && body !== null && (body as Refusal).error === "rate_limit_exceeded";
}

const calls = Number(process.argv[2] ?? 12);
let most = 0;
let hasWaited = false;
for (let call = 1; call <= calls; call++) {
  let body = await callOnce();
  let refusals = 0;
  while (isRefusal(body)) {
    const delay = body.retryAfter;
    if (++refusals > ATTEMPTS_MAX) throw new Error(body.message);
    hasWaited = true;
    await new Promise((resolve) => setTimeout(resolve, delay * 1000));
    body = await callOnce();
  }
  most = Math.max(most, refusals);
  const isPage = typeof body === "object" && body !== null && Array.isArray((body as { data?: unknown }).data);
  console.log(`call ${call}: ${isPage ? "a page of targets" : JSON.stringify(body)}`);
}
console.log(`had to wait: ${hasWaited ? "yes" : "no"}; refusals of one call: at most ${most}`);
