package io.nearkv.net.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class OwnWritesTest {
    private static final long LINEAGE = -7;

    private final OwnWrites own = new OwnWrites(LINEAGE, 3);

    private static Position position(Long... versions) {
        return new Position(LINEAGE, List.of(versions));
    }

    @Test
    void who_has_written_nothing_asks_for_nothing_more() {
        own.begin(1);

        assertThat(own.hasBegun(1)).isTrue();
        assertThat(own.hasBegun(0)).isFalse();
        assertThat(own.seenBy(ReadOptions.EVENTUAL, OwnWrites.ALL)).isSameAs(ReadOptions.EVENTUAL);
    }

    @Test
    void a_weak_read_asks_for_the_newest_write_of_its_partition() {
        own.done(3 * 20 + 1);
        own.done(3 * 10 + 1); // Acknowledged later, written before.
        own.done(3 * 5 + 2);

        assertThat(own.hasBegun(1)).isTrue();
        assertThat(own.seenBy(ReadOptions.EVENTUAL, 1).after()).isEqualTo(position(0L, 20L, 0L));
        assertThat(own.seenBy(ReadOptions.EVENTUAL, OwnWrites.ALL).after()).isEqualTo(position(0L, 20L, 5L));
        assertThat(own.seenBy(ReadOptions.EVENTUAL, 0)).isSameAs(ReadOptions.EVENTUAL);
        ReadOptions wishes = ReadOptions.EVENTUAL
                .withTimeout(Duration.ofSeconds(3))
                .withStaleIfError(Duration.ZERO)
                .withCacheTtl(Duration.ofSeconds(1));
        assertThat(own.seenBy(wishes, 1)).isEqualTo(wishes.withSession(position(0L, 20L, 0L)));
    }

    @Test
    void a_session_asks_for_what_it_has_seen_too() {
        own.done(3 * 20 + 1);
        ReadOptions session = ReadOptions.session(position(4L, 7L, 9L));

        assertThat(own.seenBy(session, 1).after()).isEqualTo(position(4L, 20L, 9L));
        ReadOptions ofAnother = ReadOptions.session(new Position(8, List.of(1L, 2L, 3L)));
        assertThat(own.seenBy(ofAnother, 1)).isSameAs(ofAnother);
    }

    @Test
    void a_strong_read_needs_nothing() {
        own.done(3 * 20 + 1);

        assertThat(own.seenBy(ReadOptions.STRONG, 1)).isSameAs(ReadOptions.STRONG);
        ReadOptions bounded = ReadOptions.bounded(Duration.ZERO);
        assertThat(own.seenBy(bounded, 1)).isSameAs(bounded);
    }
}
