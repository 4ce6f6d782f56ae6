// Rotates a secret that is one generated value: the four steps of a rotation function, for no database at all. As rotate.py,
// with the AWS SDK for JavaScript, which has to be in the archive.

import { SecretsManager } from "@aws-sdk/client-secrets-manager";

const client = new SecretsManager({ endpoint: process.env.SECRETS_MANAGER_ENDPOINT });

/** The value of a stage, or undefined where there is none. */
async function valueOf(secret, stage, version) {
  try {
    const got = await client.getSecretValue({ SecretId: secret, VersionStage: stage, VersionId: version });
    return JSON.parse(got.SecretString);
  } catch (error) {
    if (error.name === "ResourceNotFoundException") return undefined;
    throw error;
  }
}

const steps = {
  // An earlier attempt may have made the value: a second one would be another value.
  async createSecret({ SecretId, ClientRequestToken, RotationToken }) {
    if (await valueOf(SecretId, "AWSPENDING", ClientRequestToken)) return;
    const value = await valueOf(SecretId, "AWSCURRENT");
    const made = await client.getRandomPassword({ PasswordLength: 32, ExcludePunctuation: true });
    await client.putSecretValue({
      SecretId,
      ClientRequestToken,
      RotationToken,
      SecretString: JSON.stringify({ ...value, password: made.RandomPassword }),
      VersionStages: ["AWSPENDING"],
    });
  },

  // There is nothing outside that would have to know the value.
  async setSecret() {},

  async testSecret({ SecretId, ClientRequestToken }) {
    const value = await valueOf(SecretId, "AWSPENDING", ClientRequestToken);
    if (!value?.password) throw new Error("the pending value has no password");
  },

  async finishSecret({ SecretId, ClientRequestToken }, current) {
    await client.updateSecretVersionStage({
      SecretId,
      VersionStage: "AWSCURRENT",
      MoveToVersionId: ClientRequestToken,
      RemoveFromVersionId: current,
    });
  },
};

/** The entry: carries out the step of the event, once it is sure that the version may be rotated to. */
export async function handler(event) {
  const { VersionIdsToStages: stages = {}, RotationEnabled } = await client.describeSecret({ SecretId: event.SecretId });
  const own = stages[event.ClientRequestToken];
  if (!RotationEnabled) throw new Error(`${event.SecretId} has no rotation`);
  if (!own) throw new Error(`${event.SecretId} has no version ${event.ClientRequestToken}`);
  if (own.includes("AWSCURRENT")) return;
  if (!own.includes("AWSPENDING")) throw new Error(`version ${event.ClientRequestToken} is not pending`);
  if (!steps[event.Step]) throw new Error(`no step is called ${event.Step}`);
  console.log(`${event.Step} of version ${event.ClientRequestToken}`);
  const current = Object.keys(stages).find((version) => stages[version].includes("AWSCURRENT"));
  await steps[event.Step](event, current);
}
