// Errors as JavaScript classes, and the operations of later releases.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  InvalidNextTokenException,
  InvalidParameterException,
  InvalidRequestException,
  LimitExceededException,
  MalformedPolicyDocumentException,
  PublicPolicyException,
  ResourceExistsException,
  ResourceNotFoundException,
  SecretsManager,
} from "@aws-sdk/client-secrets-manager";
import { client, newName, newSecret, NOT_FOUND, refused, valueOf } from "./instance.js";

test("ResourceNotFoundException", async () => {
  await refused(client.getSecretValue({ SecretId: newName() }), ResourceNotFoundException, NOT_FOUND);
  const { ARN } = await newSecret();
  await refused(client.getSecretValue({ SecretId: ARN, VersionStage: "BLUE" }), ResourceNotFoundException,
    "Secrets Manager can't find the specified secret value for staging label: BLUE");
});

test("ResourceExistsException", async () => {
  const { ARN, Name, VersionId } = await newSecret();
  await refused(client.createSecret({ Name, SecretString: "x" }), ResourceExistsException,
    `The operation failed because the secret ${Name} already exists.`);
  await refused(client.putSecretValue({ SecretId: Name, SecretString: "x", ClientRequestToken: VersionId }),
    ResourceExistsException, `You can't use ClientRequestToken ${VersionId} because that value is already in use for a ` +
    `version of secret ${ARN}.`);
});

test("InvalidRequestException and InvalidParameterException", async () => {
  const { ARN, VersionId } = await newSecret();
  await refused(client.putSecretValue({ SecretId: ARN }), InvalidRequestException,
    "You must provide either SecretString or SecretBinary.");
  await refused(client.getSecretValue({ SecretId: ARN, VersionId, VersionStage: "BLUE" }), InvalidRequestException,
    "You provided a VersionStage that is not associated to the provided VersionId.");
  await refused(client.putSecretValue({ SecretId: ARN, SecretString: "a", SecretBinary: new Uint8Array([1]) }),
    InvalidParameterException,
    "You can't specify both a binary secret value and a string secret value in the same secret.");
  await refused(
    client.updateSecretVersionStage({ SecretId: ARN, VersionStage: "AWSCURRENT", RemoveFromVersionId: VersionId }),
    InvalidParameterException,
    "You can only move staging label AWSCURRENT to a different secret version. It can\u2019t be completely removed.");
  assert.equal(await valueOf(ARN), "first");
});

test("InvalidNextTokenException", async () => {
  await refused(client.listSecrets({ NextToken: "bm90LW91cnM=" }), InvalidNextTokenException);
});

test("policy exceptions", async () => {
  const { ARN: SecretId } = await newSecret();
  await refused(client.putResourcePolicy({ SecretId, ResourcePolicy: "{" }), MalformedPolicyDocumentException,
    "This resource policy contains a syntax error.");
  const ResourcePolicy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: "*", Action: "secretsmanager:*", Resource: "*" }],
  });
  await refused(client.putResourcePolicy({ SecretId, ResourcePolicy, BlockPublicPolicy: true }), PublicPolicyException,
    "You can't attach a resource-based policy that allows broad access to the secret.");
});

test("LimitExceededException", async () => {
  const { ARN: SecretId } = await newSecret();
  const labels = (from, to) => Array.from({ length: to - from }, (_, index) => `L${from + index}`);
  await client.putSecretValue({ SecretId, SecretString: "v", VersionStages: labels(0, 10) });
  await client.putSecretValue({ SecretId, SecretString: "v", VersionStages: labels(10, 19) });
  await refused(client.putSecretValue({ SecretId, SecretString: "v", VersionStages: ["L19"] }), LimitExceededException);
});

test("ValidationException", async () => {
  await refused(client.getRandomPassword({ PasswordLength: 5000 }), "ValidationException",
    "1 validation error detected: Value '5000' at 'passwordLength' failed to satisfy constraint: " +
    "Member must have value less than or equal to 4096");
  await refused(client.getSecretValue({}), "ValidationException",
    "1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null");
  await refused(client.listSecrets({ Filters: [{ Key: "colour", Values: ["blue"] }] }), "ValidationException");
});

test("other credentials", async () => {
  const own = await client.config.credentials();
  const ask = (credentials, region) =>
    new SecretsManager({ maxAttempts: 1, credentials, ...(region && { region }) }).listSecrets({});
  await refused(ask({ accessKeyId: `AKIA${"Z".repeat(16)}`, secretAccessKey: "x" }), "UnrecognizedClientException",
    "The security token included in the request is invalid.");
  await refused(ask({ accessKeyId: own.accessKeyId, secretAccessKey: "x" }), "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and " +
    "signing method. Consult the service documentation for details.");
  await refused(ask(own, "eu-west-1"), "InvalidSignatureException");
});

test("operations of later releases", async (context) => {
  const { ARN: SecretId } = await newSecret();
  const calls = {
    rotateSecret: () => client.rotateSecret({ SecretId }),
    cancelRotateSecret: () => client.cancelRotateSecret({ SecretId }),
    replicateSecretToRegions: () =>
      client.replicateSecretToRegions({ SecretId, AddReplicaRegions: [{ Region: "eu-west-1" }] }),
    removeRegionsFromReplication: () =>
      client.removeRegionsFromReplication({ SecretId, RemoveReplicaRegions: ["eu-west-1"] }),
    stopReplicationToReplica: () => client.stopReplicationToReplica({ SecretId }),
    validateResourcePolicy: () =>
      client.validateResourcePolicy({ ResourcePolicy: '{"Version":"2012-10-17","Statement":[]}' }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await context.test(name, async () => {
      const error = await call().then(() => assert.fail("not refused"), (caught) => caught);
      assert.ok(error.$metadata?.httpStatusCode >= 400 && error.$metadata.httpStatusCode < 500, String(error));
      assert.ok(error.name && error.message.length > 10, String(error));
    });
  }
  assert.equal(await valueOf(SecretId), "first");
});
