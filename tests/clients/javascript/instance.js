// The server under test, names that belong to one test, and what the tests ask of errors.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { SecretsManager, SecretsManagerServiceException } from "@aws-sdk/client-secrets-manager";

// Endpoint, region and credentials come from the environment, as for any user.
export const client = new SecretsManager({ maxAttempts: 1 });

export const NOT_FOUND = "Secrets Manager can't find the specified secret.";

export const newStart = () => `js${randomBytes(8).toString("hex")}/`;
export const newName = () => `${newStart()}one`;

/** Makes a secret with the value `first`: its CreateSecret answer. */
export async function newSecret() {
  return client.createSecret({ Name: newName(), SecretString: "first" });
}

/** The current string of a secret. */
export async function valueOf(SecretId) {
  return (await client.getSecretValue({ SecretId })).SecretString;
}

/** The promise must be refused with an error of the class (or of that name), with status 400 and this text. */
export async function refused(promise, wanted, text) {
  const error = await promise.then(
    () => assert.fail("not refused"),
    (caught) => caught,
  );
  if (typeof wanted === "string") {
    assert.equal(error.name, wanted, String(error));
  } else {
    assert.ok(error instanceof wanted, `${error.name} is no ${wanted.name}`);
    assert.equal(error.name, wanted.name);
  }
  assert.ok(error instanceof SecretsManagerServiceException, String(error));
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.ok(error.$metadata.requestId, "no request id");
  if (text !== undefined) {
    assert.equal(error.message, text);
  }
  return error;
}

/** An answer without the SDK's own part. */
export function body({ $metadata, ...members }) {
  assert.equal($metadata.httpStatusCode, 200);
  assert.ok($metadata.requestId, "no request id");
  return members;
}
