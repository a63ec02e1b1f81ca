package io.nearkv.deploy.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What the values hold, and what they refuse. */
class ModelTest {
    private static final ServiceId PRODUCTION = ServiceId.of("production");
    private static final ServiceId STAGING = ServiceId.of("staging");
    private static final Bytes DIGEST = Bytes.sha256(new byte[] {1});
    private static final Bytes NONCE = Bytes.of(new byte[16]);

    private static RouteEntry entry(int number, int weight) {
        return new RouteEntry(
                new BuildRef(PRODUCTION, Bytes.sha256(new byte[] {(byte) number}), NONCE),
                weight,
                List.of("kv://h:1"),
                "1." + number,
                0);
    }

    @Test
    void an_id_is_only_that_of_its_own_environment() {
        BuildRef build = new BuildRef(PRODUCTION, DIGEST, NONCE);

        assertThat(build.id()).hasSize(13).matches("[a-z2-7]{13}");
        Set<String> ids = new HashSet<>();
        ids.add(build.id());
        ids.add(new BuildRef(STAGING, DIGEST, NONCE).id());
        ids.add(new BuildRef(new ServiceId("acme", "kv", "production"), DIGEST, NONCE).id());
        ids.add(new BuildRef(new ServiceId("default", "web", "production"), DIGEST, NONCE).id());
        ids.add(new BuildRef(PRODUCTION, Bytes.sha256(new byte[] {2}), NONCE).id());
        ids.add(new BuildRef(PRODUCTION, DIGEST, Bytes.of(new byte[] {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
                .id());
        assertThat(ids).hasSize(6);
    }

    @Test
    void an_id_is_what_a_build_token_may_name() {
        assertThat(new BuildRef(PRODUCTION, DIGEST, NONCE).id()).matches("[A-Za-z0-9][A-Za-z0-9._+-]{0,63}");
    }

    @Test
    void one_artefact_may_be_published_twice() {
        SecureRandom random = new SecureRandom();
        String digest = DIGEST.hex();

        assertThat(BuildRef.create(PRODUCTION, digest, random))
                .isNotEqualTo(BuildRef.create(PRODUCTION, digest, random));
        assertThat(BuildRef.create(PRODUCTION, digest, random).digestHex()).isEqualTo(digest);
        for (String bad : List.of("", "ab", digest.toUpperCase(Locale.ROOT), digest + "00")) {
            assertThatThrownBy(() -> BuildRef.create(PRODUCTION, bad, random))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void a_service_has_three_names_of_one_form() {
        assertThat(ServiceId.parse("default/kv/production"))
                .isEqualTo(PRODUCTION)
                .hasToString("default/kv/production");
        for (String bad :
                List.of("", "kv", "kv/production", "a/b/c/d", "A/b/c", "a//c", "a/b/c\n", "-a/b/c", "a/b/../c")) {
            assertThatThrownBy(() -> ServiceId.parse(bad)).as(bad).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void bytes_are_equal_by_content_and_cannot_be_changed() {
        byte[] array = {1, 2};
        Bytes bytes = Bytes.of(array);
        array[0] = 9;
        bytes.toArray()[1] = 9;

        assertThat(bytes)
                .isEqualTo(Bytes.ofHex("0102"))
                .hasSameHashCodeAs(Bytes.ofHex("0102"))
                .hasToString("0102");
        assertThatThrownBy(() -> Bytes.ofHex("0A")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_route_says_who_gets_what() {
        Route route = Route.builder(PRODUCTION)
                .entries(List.of(entry(1, 100), entry(2, 9_900)))
                .knownGood(List.of(entry(2, 9_900)))
                .build();

        assertThat(route.summary())
                .isEqualTo(entry(1, 0).id() + "=100 " + entry(2, 0).id() + "=9900");
        assertThat(route.baseline()).isEqualTo(entry(2, 9_900));
        assertThat(route.knownGood()).containsExactly(entry(2, 0));
        assertThat(route.isWhollyKnownGood()).isFalse();
        assertThat(route.toBuilder().build()).isEqualTo(route);
        assertThat(route.isNewerThan(1, 0)).isFalse();
        assertThat(route.isNewerThan(0, 9)).isTrue();
        assertThat(route.toBuilder()
                        .entries(List.of(entry(1, 0), entry(2, 10_000)))
                        .build()
                        .isWhollyKnownGood())
                .isTrue();
    }

    @Test
    void a_lease_belongs_to_a_forward_route_and_an_end_to_a_break_glass() {
        Route.Builder builder = Route.builder(PRODUCTION).entries(List.of(entry(1, 10_000)));

        assertThatThrownBy(() -> builder.kind(RouteKind.PARACHUTE)
                        .lease(Duration.ofSeconds(1))
                        .build())
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.lease(Duration.ofDays(2))
                        .kind(RouteKind.FORWARD)
                        .build())
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder.lease(Duration.ZERO).notAfter(5).build())
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(builder.kind(RouteKind.BREAK_GLASS).build().notAfter()).isEqualTo(5);
    }

    @Test
    void ancestors_beyond_the_limit_are_left_out() {
        List<String> many = IntStream.range(0, 50)
                .mapToObj(i -> Bytes.sha256(new byte[] {(byte) i}).hex())
                .toList();

        Route route = Route.builder(PRODUCTION)
                .entries(List.of(entry(1, 10_000)))
                .ancestors(many)
                .build();

        assertThat(route.ancestors()).isEqualTo(many.subList(0, 32));
    }

    @Test
    void a_ledger_is_a_chain_of_one_service() {
        Ledger ledger = Ledger.empty(PRODUCTION).plus(entry(1, 5), 10, "first").plus(entry(2, 0), 20, "second");

        assertThat(ledger.entries()).extracting(LedgerEntry::number).containsExactly(1L, 2L);
        assertThat(ledger.entries().get(0).build().weight()).isZero();
        assertThat(ledger.contains(entry(1, 0).build())).isTrue();
        assertThat(ledger.contains(entry(3, 0).build())).isFalse();
        assertThat(ledger.find(2)).isEqualTo(ledger.last());
        assertThat(ledger.find(3)).isNull();
        assertThat(ledger.distinctBuilds()).isEqualTo(2);
        assertThat(ledger.plus(entry(1, 0), 30, "again").distinctBuilds()).isEqualTo(2);
        LedgerEntry second = ledger.entries().get(1);
        assertThatThrownBy(() -> new Ledger(STAGING, ledger.entries())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Ledger(
                        PRODUCTION,
                        List.of(
                                ledger.entries().get(0),
                                new LedgerEntry(2, second.build(), 20, "ab".repeat(32), "second"))))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_ledger_goes_on_only_where_another_ends() {
        Ledger one = Ledger.empty(PRODUCTION).plus(entry(1, 0), 10, "first");
        Ledger two = one.plus(entry(2, 0), 20, "second");
        Ledger other = Ledger.empty(PRODUCTION).plus(entry(3, 0), 10, "first").plus(entry(2, 0), 20, "second");

        assertThat(two.extendsChain(one)).isTrue();
        assertThat(two.extendsChain(two)).isTrue();
        assertThat(two.extendsChain(Ledger.empty(PRODUCTION))).isTrue();
        assertThat(one.extendsChain(two)).isFalse();
        assertThat(other.extendsChain(one)).isFalse();
        assertThat(other.extendsChain(two)).isFalse();
        assertThat(Ledger.empty(STAGING).extendsChain(Ledger.empty(PRODUCTION))).isFalse();
    }

    @Test
    void every_part_of_an_entry_is_in_its_hash() {
        Ledger base = Ledger.empty(PRODUCTION).plus(entry(1, 0), 10, "why");
        Set<String> hashes = new HashSet<>();
        for (Ledger ledger : List.of(
                base,
                Ledger.empty(PRODUCTION).plus(entry(2, 0), 10, "why"),
                Ledger.empty(PRODUCTION).plus(entry(1, 0), 11, "why"),
                Ledger.empty(PRODUCTION).plus(entry(1, 0), 10, "Why"),
                Ledger.empty(PRODUCTION)
                        .plus(new RouteEntry(entry(1, 0).build(), 0, List.of("kv://h:2"), "1.1", 0), 10, "why"),
                Ledger.empty(PRODUCTION)
                        .plus(new RouteEntry(entry(1, 0).build(), 0, List.of("kv://h:1"), "1.2", 0), 10, "why"))) {
            hashes.add(ledger.entries().get(0).hash());
        }
        hashes.add(base.plus(entry(1, 0), 10, "why").entries().get(1).hash());

        assertThat(hashes).hasSize(7);
    }
}
