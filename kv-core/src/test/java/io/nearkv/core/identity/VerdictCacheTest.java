package io.nearkv.core.identity;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.AccountId;
import org.junit.jupiter.api.Test;

class VerdictCacheTest {
    private static final Grant GRANT = new Grant(
            "0".repeat(32), "s", new AccountId(0, 1), Permissions.none(), null, 1, "production", "token-1", 1);

    private static VerdictCache.Digest digest(int i) {
        return VerdictCache.Digest.of("token " + i);
    }

    @Test
    void it_never_holds_more_than_its_bound() {
        VerdictCache cache = new VerdictCache(100);

        for (int i = 0; i < 10_000; i++) {
            cache.put(digest(i), GRANT);
            cache.get(digest(i / 2));
            assertThat(cache.size()).isLessThanOrEqualTo(100);
        }
    }

    @Test
    void what_is_used_stays_while_others_come_and_go() {
        VerdictCache cache = new VerdictCache(100);
        cache.put(digest(-1), GRANT);

        for (int i = 0; i < 10_000; i++) {
            cache.put(digest(i), GRANT);
            if (i % 20 == 0) {
                assertThat(cache.get(digest(-1))).isSameAs(GRANT);
            }
        }

        assertThat(cache.get(digest(0))).isNull();
    }

    @Test
    void texts_that_differ_have_different_digests() {
        assertThat(digest(1)).isEqualTo(digest(1)).isNotEqualTo(digest(2));
    }
}
