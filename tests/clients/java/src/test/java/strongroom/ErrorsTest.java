// Errors as Java classes, and the operations of later releases.
package strongroom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static strongroom.Instance.CLIENT;
import static strongroom.Instance.put;
import static strongroom.Instance.refused;
import static strongroom.Instance.refusedWithCode;
import static strongroom.Instance.valueOf;

import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.InvalidNextTokenException;
import software.amazon.awssdk.services.secretsmanager.model.InvalidParameterException;
import software.amazon.awssdk.services.secretsmanager.model.InvalidRequestException;
import software.amazon.awssdk.services.secretsmanager.model.LimitExceededException;
import software.amazon.awssdk.services.secretsmanager.model.MalformedPolicyDocumentException;
import software.amazon.awssdk.services.secretsmanager.model.PublicPolicyException;
import software.amazon.awssdk.services.secretsmanager.model.ReplicaRegionType;
import software.amazon.awssdk.services.secretsmanager.model.ResourceExistsException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;
import software.amazon.awssdk.services.secretsmanager.model.SecretsManagerException;

class ErrorsTest {
    @Test
    void notFound() {
        refused(ResourceNotFoundException.class, Instance.NOT_FOUND, () -> valueOf(Instance.newName()));
        String name = Instance.newSecret().name();
        refused(ResourceNotFoundException.class,
                "Secrets Manager can't find the specified secret value for staging label: BLUE",
                () -> CLIENT.getSecretValue(request -> request.secretId(name).versionStage("BLUE")));
    }

    @Test
    void exists() {
        var made = Instance.newSecret();
        refused(ResourceExistsException.class, "The operation failed because the secret " + made.name() + " already exists.",
                () -> CLIENT.createSecret(request -> request.name(made.name()).secretString("x")));
        refused(ResourceExistsException.class, "You can't use ClientRequestToken " + made.versionId()
                + " because that value is already in use for a version of secret " + made.arn() + ".",
                () -> CLIENT.putSecretValue(request -> request.secretId(made.name()).secretString("x")
                        .clientRequestToken(made.versionId())));
    }

    @Test
    void invalidRequestsAndParameters() {
        var made = Instance.newSecret();
        refused(InvalidRequestException.class, "You must provide either SecretString or SecretBinary.",
                () -> CLIENT.putSecretValue(request -> request.secretId(made.name())));
        refused(InvalidParameterException.class,
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
                () -> CLIENT.deleteSecret(request -> request.secretId(made.name()).recoveryWindowInDays(3L)));
        refused(InvalidParameterException.class,
                "You can only move staging label AWSCURRENT to a different secret version. It can\u2019t be completely removed.",
                () -> CLIENT.updateSecretVersionStage(request -> request.secretId(made.name()).versionStage("AWSCURRENT")
                        .removeFromVersionId(made.versionId())));
        refused(InvalidNextTokenException.class, null, () -> CLIENT.listSecrets(request -> request.nextToken("bm90LW91cnM=")));
    }

    @Test
    void policies() {
        String name = Instance.newSecret().name();
        refused(MalformedPolicyDocumentException.class, "This resource policy contains a syntax error.",
                () -> CLIENT.putResourcePolicy(request -> request.secretId(name).resourcePolicy("{")));
        refused(PublicPolicyException.class,
                "You can't attach a resource-based policy that allows broad access to the secret.",
                () -> CLIENT.putResourcePolicy(request -> request.secretId(name).blockPublicPolicy(true).resourcePolicy(
                        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\","
                                + "\"Action\":\"secretsmanager:*\",\"Resource\":\"*\"}]}")));
    }

    @Test
    void limits() {
        String name = Instance.newSecret().name();
        put(name, "v", IntStream.range(0, 10).mapToObj(number -> "L" + number).toArray(String[]::new));
        put(name, "v", IntStream.range(10, 19).mapToObj(number -> "L" + number).toArray(String[]::new));
        refused(LimitExceededException.class, null, () -> put(name, "v", "L19"));
    }

    @Test
    void validation() {
        refusedWithCode("ValidationException", "1 validation error detected: Value '5000' at 'passwordLength' failed to "
                + "satisfy constraint: Member must have value less than or equal to 4096",
                () -> CLIENT.getRandomPassword(request -> request.passwordLength(5000L)));
        refusedWithCode("ValidationException",
                "1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null",
                () -> CLIENT.getSecretValue(request -> { }));
    }

    private static void ask(AwsCredentials credentials, Region region) {
        var builder = SecretsManagerClient.builder().overrideConfiguration(Instance.ONCE)
                .credentialsProvider(StaticCredentialsProvider.create(credentials));
        if (region != null) {
            builder.region(region);
        }
        try (SecretsManagerClient other = builder.build()) {
            other.listSecrets();
        }
    }

    @Test
    void otherCredentials() {
        AwsCredentials own;
        try (DefaultCredentialsProvider provider = DefaultCredentialsProvider.builder().build()) {
            own = provider.resolveCredentials();
        }
        refusedWithCode("UnrecognizedClientException", "The security token included in the request is invalid.",
                () -> ask(AwsBasicCredentials.create("AKIA" + "Z".repeat(16), "x"), null));
        refusedWithCode("InvalidSignatureException", "The request signature we calculated does not match the signature you "
                + "provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
                () -> ask(AwsBasicCredentials.create(own.accessKeyId(), "x"), null));
        refusedWithCode("InvalidSignatureException", null, () -> ask(own, Region.EU_WEST_1));
    }

    @TestFactory
    Stream<DynamicTest> laterOperations() {
        String name = Instance.newSecret().name();
        Map<String, Executable> calls = Map.of(
                "RotateSecret", () -> CLIENT.rotateSecret(request -> request.secretId(name)),
                "CancelRotateSecret", () -> CLIENT.cancelRotateSecret(request -> request.secretId(name)),
                "ReplicateSecretToRegions", () -> CLIENT.replicateSecretToRegions(request -> request.secretId(name)
                        .addReplicaRegions(ReplicaRegionType.builder().region("eu-west-1").build())),
                "RemoveRegionsFromReplication", () -> CLIENT.removeRegionsFromReplication(
                        request -> request.secretId(name).removeReplicaRegions("eu-west-1")),
                "StopReplicationToReplica", () -> CLIENT.stopReplicationToReplica(request -> request.secretId(name)),
                "ValidateResourcePolicy", () -> CLIENT.validateResourcePolicy(
                        request -> request.resourcePolicy("{\"Version\":\"2012-10-17\",\"Statement\":[]}")));
        return calls.entrySet().stream().map(call -> DynamicTest.dynamicTest(call.getKey(), () -> {
            SecretsManagerException caught = assertThrows(SecretsManagerException.class, call.getValue());
            assertTrue(caught.statusCode() >= 400 && caught.statusCode() < 500, caught.toString());
            assertTrue(caught.awsErrorDetails().errorMessage().length() > 10, caught.toString());
            assertEquals("first", valueOf(name));
        }));
    }
}
