// The official caching client over the SDK for Java, unmodified.
package strongroom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static strongroom.Instance.CLIENT;
import static strongroom.Instance.put;
import static strongroom.Instance.refused;

import com.amazonaws.secretsmanager.caching.SecretCache;
import com.amazonaws.secretsmanager.caching.SecretCacheConfiguration;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;

class CacheTest {
    /** A cache over a client of its own, which it closes; asks for the versions again after the milliseconds. */
    private static SecretCache newCache(long milliseconds) {
        return new SecretCache(new SecretCacheConfiguration().withCacheItemTTL(milliseconds));
    }

    @Test
    void keepsAValue() throws InterruptedException {
        var made = Instance.newSecret();
        try (SecretCache cache = new SecretCache()) {
            assertEquals("first", cache.getSecretString(made.name()));
            put(made.name(), "second");
            assertEquals("first", cache.getSecretString(made.name()));
            assertEquals("second", cache.getSecretString(made.arn()));
            assertTrue(cache.refreshNow(made.name()));
            assertEquals("second", cache.getSecretString(made.name()));
        }
    }

    @Test
    void followsAMovedLabel() throws InterruptedException {
        var made = Instance.newSecret();
        try (SecretCache cache = newCache(1)) {
            assertEquals("first", cache.getSecretString(made.name()));
            String second = put(made.name(), "second");
            // The shortest time to live is a millisecond.
            Thread.sleep(5);
            assertEquals("second", cache.getSecretString(made.name()));
            CLIENT.updateSecretVersionStage(request -> request.secretId(made.name()).versionStage("AWSCURRENT")
                    .moveToVersionId(made.versionId()).removeFromVersionId(second));
            Thread.sleep(5);
            assertEquals("first", cache.getSecretString(made.name()));
        }
    }

    @Test
    void anotherLabel() {
        String name = Instance.newSecret().name();
        put(name, "blue", "BLUE");
        try (SecretCache cache = new SecretCache(new SecretCacheConfiguration().withVersionStage("BLUE"))) {
            assertEquals("blue", cache.getSecretString(name));
        }
    }

    @Test
    void binaries() {
        String name = Instance.newName();
        byte[] value = {0, -1, -128, 127};
        CLIENT.createSecret(request -> request.name(name).secretBinary(SdkBytes.fromByteArray(value)));
        try (SecretCache cache = new SecretCache()) {
            assertEquals(ByteBuffer.wrap(value), cache.getSecretBinary(name));
            assertNull(cache.getSecretString(name));
        }
    }

    @Test
    void nothing() {
        try (SecretCache cache = new SecretCache()) {
            refused(ResourceNotFoundException.class, Instance.NOT_FOUND, () -> cache.getSecretString(Instance.newName()));
        }
    }
}
