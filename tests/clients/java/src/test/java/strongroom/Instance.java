// The server under test, names that belong to one test, and what the tests ask of errors.
package strongroom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.UUID;
import java.util.function.Consumer;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerAsyncClient;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.CreateSecretResponse;
import software.amazon.awssdk.services.secretsmanager.model.SecretsManagerException;

/** Endpoint, region and credentials come from the environment, as for any user. */
final class Instance {
    static final String NOT_FOUND = "Secrets Manager can't find the specified secret.";
    static final Consumer<ClientOverrideConfiguration.Builder> ONCE =
            settings -> settings.retryStrategy(DefaultRetryStrategy.doNotRetry());
    static final SecretsManagerClient CLIENT = SecretsManagerClient.builder().overrideConfiguration(ONCE).build();
    static final SecretsManagerAsyncClient ASYNC = SecretsManagerAsyncClient.builder().overrideConfiguration(ONCE).build();

    private Instance() {}

    static String newStart() {
        return "java" + UUID.randomUUID().toString().replace("-", "").substring(0, 16) + "/";
    }

    static String newName() {
        return newStart() + "one";
    }

    /** Makes a secret with the value `first`. */
    static CreateSecretResponse newSecret() {
        String name = newName();
        return CLIENT.createSecret(request -> request.name(name).secretString("first"));
    }

    /** The current string of a secret. */
    static String valueOf(String secretId) {
        return CLIENT.getSecretValue(request -> request.secretId(secretId)).secretString();
    }

    /** Makes a version and tells its id. */
    static String put(String secretId, String value, String... stages) {
        return CLIENT.putSecretValue(request -> {
            request.secretId(secretId).secretString(value);
            if (stages.length > 0) {
                request.versionStages(stages);
            }
        }).versionId();
    }

    /** The call must be refused with exactly this class and, unless null, this text. */
    static <T extends SecretsManagerException> T refused(Class<T> wanted, String text, Executable call) {
        T caught = assertThrows(wanted, call);
        assertEquals(wanted, caught.getClass());
        if (wanted != SecretsManagerException.class) {
            assertEquals(wanted.getSimpleName(), caught.awsErrorDetails().errorCode());
        }
        assertEquals(400, caught.statusCode());
        assertNotNull(caught.requestId());
        if (text != null) {
            assertEquals(text, caught.awsErrorDetails().errorMessage());
        }
        return caught;
    }

    /** The call must be refused with a code that has no class of its own. */
    static void refusedWithCode(String code, String text, Executable call) {
        assertEquals(code, refused(SecretsManagerException.class, text, call).awsErrorDetails().errorCode());
    }
}
