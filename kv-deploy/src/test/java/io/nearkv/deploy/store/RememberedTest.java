package io.nearkv.deploy.store;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.document.StoredDocuments.Version;
import io.nearkv.deploy.model.Bytes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a process remembers has an end: the oldest goes, and of the marks those of keys that are trusted no longer. */
class RememberedTest extends RouteStoreTestBase {
    @Test
    void the_newest_are_kept_of_each() {
        List<String> history = new ArrayList<>();
        List<String> pulled = new ArrayList<>();
        Map<String, Version> marks = new LinkedHashMap<>();
        for (int i = 0; i < 300; i++) {
            history.add(Bytes.sha256(new byte[] {(byte) i, (byte) (i >> 8)}).hex());
            pulled.add("rollout-" + i);
            marks.put(String.format("route-%016x", i), new Version(1, i));
        }
        marks.put(WORLD.routeKey().keyId(), new Version(1, 2));
        StoredDocuments full = new StoredDocuments(
                parsed(WORLD.trustDocument()),
                parsed(WORLD.forward(1, 2, 100)),
                null,
                parsed(WORLD.ledgerDocument()),
                marks,
                history,
                pulled);

        StoredDocuments next = Acceptance.pulled(full);

        assertThat(next.history())
                .hasSize(32)
                .startsWith(requireNonNull(next.active()).hash(), history.get(0));
        assertThat(next.pulledRollouts()).hasSize(64).endsWith("rollout-299", "r2");
        assertThat(next.highWater()).hasSize(256).containsEntry(WORLD.routeKey().keyId(), new Version(1, 3));
        assertThat(next.encode()).hasSizeLessThan(StoredDocuments.MAX_BYTES);
        assertThat(next.previous()).isSameAs(full.active());
    }
}
