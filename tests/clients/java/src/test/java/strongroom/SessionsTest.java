// Credentials of sessions that the SDK gets by itself: a role by a profile, and by the token of an identity provider.
package strongroom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static strongroom.Instance.CLIENT;
import static strongroom.Instance.ONCE;
import static strongroom.Instance.newSecret;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.SecretsManagerException;
import software.amazon.awssdk.services.sts.model.InvalidIdentityTokenException;

class SessionsTest {
    /** What a profile leads to, and the client that uses it. */
    private record Signed(ProfileCredentialsProvider credentials, SecretsManagerClient client) implements AutoCloseable {
        static Signed by(String profile) {
            ProfileCredentialsProvider credentials = ProfileCredentialsProvider.create(profile);
            return new Signed(credentials, SecretsManagerClient.builder().credentialsProvider(credentials)
                    .overrideConfiguration(ONCE).build());
        }

        String key() {
            AwsSessionCredentials got = (AwsSessionCredentials) credentials.resolveCredentials();
            assertTrue(got.accessKeyId().startsWith("ASIA"));
            return got.accessKeyId();
        }

        @Override
        public void close() {
            client.close();
            credentials.close();
        }
    }

    /** The client may read the secrets that its role may, and do nothing else. */
    private static void mayReadOnly(SecretsManagerClient limited) {
        String name = newSecret().name();
        assertEquals("first", limited.getSecretValue(request -> request.secretId(name)).secretString());
        denied(() -> limited.putSecretValue(request -> request.secretId(name).secretString("second")));
        String other = name + "-other";
        CLIENT.createSecret(request -> request.name(other).secretString("hidden"));
        denied(() -> limited.getSecretValue(request -> request.secretId(other)));
    }

    private static void denied(org.junit.jupiter.api.function.Executable call) {
        SecretsManagerException caught = assertThrows(SecretsManagerException.class, call);
        assertEquals("AccessDeniedException", caught.awsErrorDetails().errorCode());
    }

    @Test
    void aRoleIsAssumedByAProfile() {
        try (Signed first = Signed.by("assumed"); Signed second = Signed.by("assumed")) {
            mayReadOnly(first.client());
            assertEquals(first.key(), first.key());
            mayReadOnly(second.client());
            assertNotEquals(first.key(), second.key());
        }
    }

    @Test
    void aTokenFileIsReadAnew() throws IOException {
        Path tokens = Path.of(System.getenv("STRONGROOM_TOKENS"));
        Path token = tokens.resolve("token");
        Files.copy(tokens.resolve("token-1"), token, StandardCopyOption.REPLACE_EXISTING);
        try (Signed first = Signed.by("web")) {
            mayReadOnly(first.client());
            // What is no token is not taken; the next one is.
            Files.writeString(token, "nothing");
            try (Signed none = Signed.by("web")) {
                assertThrows(InvalidIdentityTokenException.class, none::key);
            }
            Files.copy(tokens.resolve("token-2"), token, StandardCopyOption.REPLACE_EXISTING);
            try (Signed second = Signed.by("web")) {
                mayReadOnly(second.client());
                assertNotEquals(first.key(), second.key());
            }
        }
    }
}
