// Every operation once, through the SDK for JavaScript.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  paginateBatchGetSecretValue,
  paginateListSecretVersionIds,
  paginateListSecrets,
} from "@aws-sdk/client-secrets-manager";
import { body, client, newName, newSecret, newStart, refused, valueOf } from "./instance.js";

test("createSecret and getSecretValue", async () => {
  const Name = newName();
  const request = {
    Name, ClientRequestToken: randomUUID(), Description: "words", SecretString: 'Grüße "🔑"\n\u2028',
    Tags: [{ Key: "k", Value: "" }],
  };
  const made = body(await client.createSecret(request));
  assert.match(made.ARN, new RegExp(`^arn:aws:secretsmanager:[a-z0-9-]+:\\d{12}:secret:${Name}-[A-Za-z0-9]{6}$`));
  assert.deepEqual(made, { ARN: made.ARN, Name, VersionId: request.ClientRequestToken });
  assert.deepEqual(body(await client.createSecret(request)), made);
  const { CreatedDate, ...got } = body(await client.getSecretValue({ SecretId: made.ARN }));
  assert.deepEqual(got, { ...made, SecretString: request.SecretString, VersionStages: ["AWSCURRENT"] });
  assert.ok(CreatedDate instanceof Date && Math.abs(Date.now() - CreatedDate) < 3_600_000);
});

test("a binary is a Uint8Array", async () => {
  const SecretBinary = Uint8Array.from({ length: 4096 }, (_, index) => index % 256);
  const made = await client.createSecret({ Name: newName(), SecretBinary });
  const got = await client.getSecretValue({ SecretId: made.ARN });
  assert.ok(got.SecretBinary instanceof Uint8Array);
  assert.deepEqual(Uint8Array.from(got.SecretBinary), SecretBinary);
  assert.equal(got.SecretString, undefined);
});

test("putSecretValue, updateSecretVersionStage and listSecretVersionIds", async () => {
  const { ARN, VersionId: first } = await newSecret();
  const second = await client.putSecretValue({ SecretId: ARN, SecretString: "second" });
  assert.deepEqual(second.VersionStages, ["AWSCURRENT"]);
  const blue = await client.putSecretValue({ SecretId: ARN, SecretString: "blue", VersionStages: ["BLUE"] });
  assert.equal(await valueOf(ARN), "second");
  assert.equal((await client.getSecretValue({ SecretId: ARN, VersionStage: "AWSPREVIOUS" })).SecretString, "first");
  assert.equal((await client.getSecretValue({ SecretId: ARN, VersionId: blue.VersionId })).SecretString, "blue");
  await client.updateSecretVersionStage({
    SecretId: ARN, VersionStage: "AWSCURRENT", MoveToVersionId: first, RemoveFromVersionId: second.VersionId,
  });
  assert.equal(await valueOf(ARN), "first");
  const stages = {};
  const pages = paginateListSecretVersionIds({ client, pageSize: 2 }, { SecretId: ARN, IncludeDeprecated: true });
  for await (const page of pages) {
    assert.ok(page.Versions.length <= 2);
    for (const version of page.Versions) {
      stages[version.VersionId] = version.VersionStages;
    }
  }
  const wanted = { [first]: ["AWSCURRENT"], [second.VersionId]: ["AWSPREVIOUS"], [blue.VersionId]: ["BLUE"] };
  assert.deepEqual(stages, wanted);
  assert.deepEqual((await client.describeSecret({ SecretId: ARN })).VersionIdsToStages, wanted);
});

test("updateSecret and describeSecret", async () => {
  const { ARN, Name, VersionId } = await newSecret();
  const before = body(await client.describeSecret({ SecretId: Name }));
  assert.deepEqual(Object.keys(before).sort(), ["ARN", "CreatedDate", "LastChangedDate", "Name", "VersionIdsToStages"]);
  assert.deepEqual(body(await client.updateSecret({ SecretId: ARN, Description: "d" })), { ARN, Name });
  const updated = await client.updateSecret({ SecretId: ARN, SecretString: "v" });
  const after = await client.describeSecret({ SecretId: ARN });
  assert.equal(after.Description, "d");
  assert.deepEqual(after.VersionIdsToStages, { [updated.VersionId]: ["AWSCURRENT"], [VersionId]: ["AWSPREVIOUS"] });
  assert.ok(after.LastChangedDate >= before.LastChangedDate);
});

test("tagResource and untagResource", async () => {
  const { ARN } = await newSecret();
  assert.deepEqual(body(await client.tagResource({ SecretId: ARN, Tags: [{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }] })), {});
  assert.deepEqual(body(await client.untagResource({ SecretId: ARN, TagKeys: ["a", "absent"] })), {});
  assert.deepEqual((await client.describeSecret({ SecretId: ARN })).Tags, [{ Key: "b", Value: "2" }]);
});

test("listSecrets and batchGetSecretValue by pages", async () => {
  const start = newStart();
  const names = Array.from({ length: 7 }, (_, index) => `${start}${index}`);
  await Promise.all(names.map((Name) => client.createSecret({ Name, SecretString: Name })));
  const Filters = [{ Key: "name", Values: [start] }];
  const listed = [];
  for await (const page of paginateListSecrets({ client, pageSize: 3 }, { Filters, SortBy: "name", SortOrder: "asc" })) {
    listed.push(...page.SecretList.map((entry) => entry.Name));
  }
  assert.deepEqual(listed, names);
  const values = [];
  for await (const page of paginateBatchGetSecretValue({ client, pageSize: 3 }, { Filters })) {
    assert.ok(page.SecretValues.length <= 3);
    values.push(...page.SecretValues.map((one) => one.SecretString));
  }
  assert.deepEqual(values.sort(), names);
  const batch = await client.batchGetSecretValue({ SecretIdList: [names[0], `${start}absent`] });
  assert.deepEqual(batch.SecretValues.map((one) => one.Name), [names[0]]);
  assert.deepEqual(batch.Errors.map(({ SecretId, ErrorCode }) => [SecretId, ErrorCode]), [
    [`${start}absent`, "ResourceNotFoundException"],
  ]);
});

test("resource policies", async () => {
  const { ARN, Name } = await newSecret();
  const document = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Deny", Principal: "*", Action: "secretsmanager:RotateSecret", Resource: "*" }],
  };
  assert.equal((await client.getResourcePolicy({ SecretId: ARN })).ResourcePolicy, undefined);
  const put = await client.putResourcePolicy({
    SecretId: Name, ResourcePolicy: JSON.stringify(document), BlockPublicPolicy: true,
  });
  assert.equal(put.ARN, ARN);
  assert.deepEqual(JSON.parse((await client.getResourcePolicy({ SecretId: ARN })).ResourcePolicy), document);
  assert.equal((await client.deleteResourcePolicy({ SecretId: ARN })).Name, Name);
  assert.equal((await client.getResourcePolicy({ SecretId: ARN })).ResourcePolicy, undefined);
});

test("deleteSecret and restoreSecret", async () => {
  const { ARN, Name } = await newSecret();
  const gone = await client.deleteSecret({ SecretId: Name, RecoveryWindowInDays: 7 });
  assert.equal(Math.round((gone.DeletionDate - Date.now()) / 86_400_000), 7);
  await refused(client.getSecretValue({ SecretId: ARN }), "InvalidRequestException",
    "You can't perform this operation on the secret because it was marked for deletion.");
  assert.deepEqual(body(await client.restoreSecret({ SecretId: Name })), { ARN, Name });
  assert.equal(await valueOf(Name), "first");
  await client.deleteSecret({ SecretId: Name, ForceDeleteWithoutRecovery: true });
  await refused(client.describeSecret({ SecretId: Name }), "ResourceNotFoundException");
});

test("getRandomPassword", async () => {
  const { RandomPassword } = await client.getRandomPassword({ PasswordLength: 20, ExcludePunctuation: true });
  assert.match(RandomPassword, /^[A-Za-z0-9]{20}$/);
});

test("two hundred gets at once", async () => {
  const { ARN } = await newSecret();
  const values = await Promise.all(Array.from({ length: 200 }, () => valueOf(ARN)));
  assert.deepEqual([...new Set(values)], ["first"]);
});

test("many puts at once", async () => {
  const { ARN } = await newSecret();
  const made = await Promise.all(
    Array.from({ length: 40 }, (_, index) => client.putSecretValue({ SecretId: ARN, SecretString: `v${index}` })),
  );
  assert.equal(new Set(made.map((one) => one.VersionId)).size, 40);
  const shown = (await client.describeSecret({ SecretId: ARN })).VersionIdsToStages;
  assert.deepEqual(Object.values(shown).flat().sort(), ["AWSCURRENT", "AWSPREVIOUS"]);
});
