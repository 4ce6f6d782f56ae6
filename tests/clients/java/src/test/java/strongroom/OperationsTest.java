// Every operation once, through the SDK for Java.
package strongroom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static strongroom.Instance.ASYNC;
import static strongroom.Instance.CLIENT;
import static strongroom.Instance.put;
import static strongroom.Instance.refused;
import static strongroom.Instance.valueOf;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.secretsmanager.model.CreateSecretRequest;
import software.amazon.awssdk.services.secretsmanager.model.Filter;
import software.amazon.awssdk.services.secretsmanager.model.FilterNameStringType;
import software.amazon.awssdk.services.secretsmanager.model.GetSecretValueResponse;
import software.amazon.awssdk.services.secretsmanager.model.InvalidRequestException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;
import software.amazon.awssdk.services.secretsmanager.model.SecretListEntry;
import software.amazon.awssdk.services.secretsmanager.model.SecretValueEntry;
import software.amazon.awssdk.services.secretsmanager.model.SortByType;
import software.amazon.awssdk.services.secretsmanager.model.SortOrderType;
import software.amazon.awssdk.services.secretsmanager.model.Tag;

class OperationsTest {
    private static Filter byName(String prefix) {
        return Filter.builder().key(FilterNameStringType.NAME).values(prefix).build();
    }

    @Test
    void createAndGet() {
        String name = Instance.newName();
        String value = "Grüße \"🔑\"\n";
        CreateSecretRequest request = CreateSecretRequest.builder().name(name).description("words").secretString(value)
                .clientRequestToken(UUID.randomUUID().toString()).tags(Tag.builder().key("k").value("").build()).build();
        var made = CLIENT.createSecret(request);
        assertTrue(made.arn().matches("arn:aws:secretsmanager:[a-z0-9-]+:\\d{12}:secret:" + name + "-[A-Za-z0-9]{6}"));
        assertEquals(request.clientRequestToken(), made.versionId());
        assertFalse(made.hasReplicationStatus());
        assertEquals(made.arn(), CLIENT.createSecret(request).arn());
        GetSecretValueResponse got = CLIENT.getSecretValue(get -> get.secretId(made.arn()));
        assertEquals(List.of(made.arn(), name, made.versionId(), value),
                List.of(got.arn(), got.name(), got.versionId(), got.secretString()));
        assertEquals(List.of("AWSCURRENT"), got.versionStages());
        assertNull(got.secretBinary());
        assertTrue(Duration.between(got.createdDate(), Instant.now()).abs().toHours() < 1);
    }

    @Test
    void binary() {
        byte[] value = new byte[5000];
        for (int index = 0; index < value.length; index++) {
            value[index] = (byte) index;
        }
        String name = Instance.newName();
        CLIENT.createSecret(request -> request.name(name).secretBinary(SdkBytes.fromByteArray(value)));
        GetSecretValueResponse got = CLIENT.getSecretValue(request -> request.secretId(name));
        assertEquals(SdkBytes.fromByteArray(value), got.secretBinary());
        assertNull(got.secretString());
    }

    @Test
    void versionsAndStages() {
        var made = Instance.newSecret();
        String second = put(made.arn(), "second");
        String blue = put(made.arn(), "blue", "BLUE");
        assertEquals("second", valueOf(made.name()));
        assertEquals("first", CLIENT.getSecretValue(
                request -> request.secretId(made.name()).versionStage("AWSPREVIOUS")).secretString());
        CLIENT.updateSecretVersionStage(request -> request.secretId(made.name()).versionStage("AWSCURRENT")
                .moveToVersionId(made.versionId()).removeFromVersionId(second));
        assertEquals("first", valueOf(made.name()));
        Map<String, List<String>> shown = new TreeMap<>();
        CLIENT.listSecretVersionIdsPaginator(request -> request.secretId(made.name()).includeDeprecated(true).maxResults(2))
                .stream().forEach(page -> {
                    assertTrue(page.versions().size() <= 2);
                    page.versions().forEach(version -> shown.put(version.versionId(), version.versionStages()));
                });
        Map<String, List<String>> wanted = new TreeMap<>(Map.of(
                made.versionId(), List.of("AWSCURRENT"), second, List.of("AWSPREVIOUS"), blue, List.of("BLUE")));
        assertEquals(wanted, shown);
        assertEquals(wanted, new TreeMap<>(CLIENT.describeSecret(request -> request.secretId(made.arn())).versionIdsToStages()));
    }

    @Test
    void updateAndDescribe() {
        var made = Instance.newSecret();
        var before = CLIENT.describeSecret(request -> request.secretId(made.name()));
        assertNull(before.description());
        assertNull(before.kmsKeyId());
        assertNull(before.rotationEnabled());
        assertNull(before.lastAccessedDate());
        assertNull(before.deletedDate());
        assertFalse(before.hasTags());
        assertFalse(before.hasReplicationStatus());
        assertNull(CLIENT.updateSecret(request -> request.secretId(made.arn()).description("d")).versionId());
        String second = CLIENT.updateSecret(request -> request.secretId(made.arn()).secretString("v")).versionId();
        var after = CLIENT.describeSecret(request -> request.secretId(made.arn()));
        assertEquals("d", after.description());
        assertEquals(List.of("AWSCURRENT"), after.versionIdsToStages().get(second));
        assertFalse(after.lastChangedDate().isBefore(before.createdDate()));
    }

    @Test
    void tags() {
        String name = Instance.newSecret().name();
        CLIENT.tagResource(request -> request.secretId(name).tags(
                Tag.builder().key("a").value("1").build(), Tag.builder().key("b").value("2").build()));
        CLIENT.untagResource(request -> request.secretId(name).tagKeys("a", "absent"));
        assertEquals(List.of(Tag.builder().key("b").value("2").build()),
                CLIENT.describeSecret(request -> request.secretId(name)).tags());
    }

    @Test
    void listAndBatch() {
        String start = Instance.newStart();
        List<String> names = IntStream.range(0, 5).mapToObj(number -> start + number).toList();
        names.forEach(name -> CLIENT.createSecret(request -> request.name(name).secretString(name)));
        List<String> listed = CLIENT.listSecretsPaginator(request -> request.filters(byName(start)).maxResults(2)
                .sortBy(SortByType.NAME).sortOrder(SortOrderType.ASC)).stream().flatMap(page -> page.secretList().stream())
                .map(SecretListEntry::name).toList();
        assertEquals(names, listed);
        List<String> values = CLIENT.batchGetSecretValuePaginator(request -> request.filters(byName(start)).maxResults(2))
                .stream().flatMap(page -> page.secretValues().stream()).map(SecretValueEntry::secretString).sorted().toList();
        assertEquals(names, values);
        List<String> asked = new ArrayList<>(names);
        asked.add(start + "absent");
        var batch = CLIENT.batchGetSecretValue(request -> request.secretIdList(asked));
        assertEquals(5, batch.secretValues().size());
        assertEquals(1, batch.errors().size());
        assertEquals(start + "absent", batch.errors().get(0).secretId());
        assertEquals("ResourceNotFoundException", batch.errors().get(0).errorCode());
    }

    @Test
    void policies() {
        var made = Instance.newSecret();
        String document = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":\"*\","
                + "\"Action\":\"secretsmanager:RotateSecret\",\"Resource\":\"*\"}]}";
        assertNull(CLIENT.getResourcePolicy(request -> request.secretId(made.arn())).resourcePolicy());
        CLIENT.putResourcePolicy(request -> request.secretId(made.arn()).resourcePolicy(document).blockPublicPolicy(true));
        assertTrue(CLIENT.getResourcePolicy(request -> request.secretId(made.name())).resourcePolicy()
                .contains("secretsmanager:RotateSecret"));
        assertEquals(made.arn(), CLIENT.deleteResourcePolicy(request -> request.secretId(made.arn())).arn());
        assertNull(CLIENT.getResourcePolicy(request -> request.secretId(made.arn())).resourcePolicy());
    }

    @Test
    void deleteAndRestore() {
        var made = Instance.newSecret();
        var gone = CLIENT.deleteSecret(request -> request.secretId(made.name()).recoveryWindowInDays(7L));
        long hours = Duration.between(Instant.now(), gone.deletionDate()).toHours();
        assertTrue(hours >= 6 * 24 && hours <= 8 * 24, hours + " hours are left");
        refused(InvalidRequestException.class,
                "You can't perform this operation on the secret because it was marked for deletion.",
                () -> valueOf(made.name()));
        assertEquals(made.arn(), CLIENT.restoreSecret(request -> request.secretId(made.name())).arn());
        assertEquals("first", valueOf(made.name()));
        CLIENT.deleteSecret(request -> request.secretId(made.name()).forceDeleteWithoutRecovery(true));
        refused(ResourceNotFoundException.class, Instance.NOT_FOUND,
                () -> CLIENT.describeSecret(request -> request.secretId(made.name())));
    }

    @Test
    void randomPassword() {
        String password = CLIENT.getRandomPassword(request -> request.passwordLength(20L).excludePunctuation(true))
                .randomPassword();
        assertTrue(password.matches("[A-Za-z0-9]{20}"));
    }

    @Test
    void twoHundredGetsAtOnce() {
        String name = Instance.newSecret().name();
        // At most fifty connections at a time: the client queues the rest.
        List<CompletableFuture<GetSecretValueResponse>> asked = IntStream.range(0, 200)
                .mapToObj(number -> ASYNC.getSecretValue(request -> request.secretId(name))).toList();
        asked.forEach(answer -> assertEquals("first", answer.join().secretString()));
    }
}
