package io.nearkv.deploy.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.MapStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.TestClock;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.route.BuildChoice;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.RoutedService.BuildStats;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.deploy.model.ServiceId;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of calls when a build refuses, is away, or is taken away. */
class RoutedStoreTest {
    private static final ServiceId SERVICE = ServiceId.parse("default/kv/production");
    private final KvException foreign = KvException.denied(
            new KvException.Denial(DenialReason.ENVIRONMENT_MISMATCH, "staging", "production", "s1"),
            "this node serves environment 'staging'");
    private final KvException unauthorizedBuild = KvException.denied(
            new KvException.Denial(DenialReason.BUILD_NOT_AUTHORIZED, "production", "production", "s1"),
            "its build token has expired");

    private final MapStore map = new MapStore(new MapStore.Data(), new TestClock());
    private final NamespaceId namespace = map.admin()
            .createNamespace(map.admin().createAccount("test").join().id(), "default")
            .join()
            .id();
    private final FakeTransport transport = new FakeTransport(map);
    private final List<String> waysBack = new CopyOnWriteArrayList<>();
    private final RouteEntry old = entry("1.8", 7401);
    private final RouteEntry older = entry("1.7", 7402);
    private final RouteEntry candidate = entry("1.9", 7403);
    private final List<String> overridden = new ArrayList<>();
    private Builds builds = builds(SafetyLayers.ALL);
    private KvStore store =
            new RoutedStore(builds, null, (build, caller) -> overridden.add(caller + " " + build), () -> {});

    @AfterEach
    void close() {
        builds.close();
        map.close();
    }

    private Builds builds(SafetyLayers layers) {
        return new Builds(
                DocumentExchange.NONE,
                (reason, evidence) -> waysBack.add(reason + " " + evidence),
                transport,
                layers,
                "production",
                token -> null);
    }

    private static RouteEntry entry(String version, int port) {
        BuildRef build = BuildRef.create(SERVICE, "0".repeat(64), new SecureRandom());
        return new RouteEntry(build, 0, List.of("kv://127.0.0.1:" + port), version, 0);
    }

    private Route route(int candidateWeight) {
        return Route.builder(SERVICE)
                .version(1, 2)
                .rollout("r1", 1)
                .entries(List.of(candidate.withWeight(candidateWeight), old.withWeight(10_000 - candidateWeight)))
                .knownGood(List.of(old, older))
                .salt(Bytes.of(new byte[] {1, 2, 3}))
                .build();
    }

    private FakeTransport.Instances of(RouteEntry entry) {
        return transport.of(entry.id());
    }

    private GetResult get(int key) {
        return store.get(namespace, Key.of("key-" + key), ReadOptions.DEFAULT).join();
    }

    private void getMany() {
        for (int i = 0; i < 1000; i++) {
            assertThat(get(i)).isInstanceOf(GetResult.Missing.class);
        }
    }

    private BuildStats stats(RouteEntry entry) {
        return builds.stats().stream()
                .filter(stats -> stats.build().equals(entry.id()))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void each_build_gets_its_share_and_one_percent_is_part_of_ten() {
        builds.apply(route(100));
        List<Integer> atOne = keysOfCandidate();
        builds.apply(route(1_000));
        List<Integer> atTen = keysOfCandidate();

        // Five standard deviations, because the namespace is another one each time.
        assertThat(atOne).hasSizeBetween(50, 150);
        assertThat(atTen).hasSizeBetween(850, 1_150).containsAll(atOne);
        builds.apply(route(10_000));
        assertThat(keysOfCandidate()).hasSize(10_000);
    }

    private List<Integer> keysOfCandidate() {
        List<Integer> mine = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            int before = of(candidate).calls.size();
            var unused = get(i);
            if (of(candidate).calls.size() > before) {
                mine.add(i);
            }
        }
        return mine;
    }

    @Test
    void no_caller_sees_a_build_of_another_environment() {
        of(candidate).refusal = foreign;
        builds.apply(route(10_000));

        getMany();

        assertThat(of(candidate).calls).as("it is left at the first refusal").hasSize(1);
        assertThat(stats(candidate)).isEqualTo(new BuildStats(candidate.id(), 10_000, true, true, 1, 1, 1, 999));
        assertThat(builds.problems()).singleElement().asString().contains(candidate.id(), "staging");
    }

    @Test
    void what_a_build_has_done_is_still_known_when_the_route_was_taken_back() {
        of(candidate).refusal = foreign;
        builds.apply(route(10_000));
        getMany();
        builds.apply(Route.builder(SERVICE)
                .version(1, 4)
                .rollout("r1", 2)
                .entries(List.of(old.withWeight(10_000)))
                .knownGood(List.of(old, older))
                .salt(Bytes.of(new byte[] {1, 2, 3}))
                .build());

        assertThat(stats(candidate)).isEqualTo(new BuildStats(candidate.id(), 0, false, false, 1, 1, 1, 999));
        builds.apply(route(10_000));
        of(candidate).refusal = null;
        getMany();
        assertThat(stats(candidate).requests()).isEqualTo(1001);
    }

    @Test
    void a_tester_asks_for_one_build_by_its_id_and_nobody_else_answers() {
        builds.apply(route(0));
        KvStore chosen = ((BuildChoice) store).ofBuild(candidate.id(), "tester");
        assertThat(chosen.get(namespace, Key.of("a"), ReadOptions.DEFAULT).join())
                .isInstanceOf(GetResult.Missing.class);
        assertThat(of(candidate).calls).hasSize(1);
        assertThat(overridden).containsExactly("tester " + candidate.id());
        assertThat(builds.outcomes())
                .allSatisfy(build -> assertThat(build.kinds())
                        .as("it counts for no comparison")
                        .allSatisfy(kind -> assertThat(kind.requests()).isZero()));
        of(candidate).refusal = foreign;
        assertThat(chosen.get(namespace, Key.of("a"), ReadOptions.DEFAULT)).isCompletedExceptionally();
        assertThatThrownBy(() -> ((BuildChoice) store).ofBuild("p7k3mq2vd9xab", "tester"))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("not in the route");
    }

    @Test
    void a_write_is_given_to_known_good_too_because_it_was_refused_before_any_effect() {
        of(candidate).refusal = unauthorizedBuild;
        builds.apply(route(10_000));

        WriteResult result = store.write(namespace, Mutation.put(Key.of("a"), Value.of("1")), WriteOptions.DEFAULT)
                .join();

        assertThat(result).isInstanceOf(WriteResult.Applied.class);
        assertThat(of(old).calls).containsExactly("write");
    }

    @Test
    void a_failure_that_may_have_had_an_effect_is_never_tried_elsewhere() {
        of(candidate).refusal = new KvException(ErrorCode.OUTCOME_UNKNOWN, "the connection was lost");
        builds.apply(route(10_000));

        assertThatThrownBy(() -> get(1)).cause().isEqualTo(of(candidate).refusal);
        assertThat(of(old).calls).isEmpty();
    }

    @Test
    void an_answer_that_every_build_would_give_is_final() {
        of(candidate).refusal = new KvException(ErrorCode.NOT_FOUND, "namespace does not exist");
        builds.apply(route(10_000));

        assertThatThrownBy(() -> get(1)).cause().isEqualTo(of(candidate).refusal);
        of(candidate).refusal = new KvException(ErrorCode.UNAVAILABLE, "overloaded");
        assertThatThrownBy(() -> get(1)).cause().isEqualTo(of(candidate).refusal);
        assertThat(of(old).calls).isEmpty();
        assertThat(stats(candidate).ejected()).isFalse();
    }

    @Test
    void a_build_at_which_nothing_listens_is_passed_over_and_comes_back_by_itself() {
        of(candidate).listening = false;
        builds.apply(route(10_000));

        getMany();
        assertThat(of(candidate).calls).isEmpty();

        of(candidate).listening = true;
        var unused = get(1);
        assertThat(of(candidate).calls).hasSize(1);
    }

    @Test
    void a_call_that_meets_a_build_going_away_is_answered_by_known_good() {
        builds.apply(route(10_000));
        of(candidate).refusal = new KvException(ErrorCode.UNAVAILABLE, "connection refused");
        RouteTable table = builds.table();
        Target target = table.choose(0);
        of(candidate).listening = false;

        assertThat(RoutedCall.start(
                                builds,
                                target,
                                Outcomes.READ,
                                Outcomes.UNCOUNTED,
                                s -> s.get(namespace, Key.of("a"), ReadOptions.DEFAULT))
                        .join())
                .isInstanceOf(GetResult.Missing.class);
    }

    @Test
    void a_call_that_the_change_of_the_route_overtakes_is_answered_by_the_new_one() {
        builds.apply(route(10_000));
        Target target = builds.table().choose(0);
        builds.apply(
                route(0).toBuilder().entries(List.of(old.withWeight(10_000))).build());
        await().untilAsserted(() -> assertThat(transport.open(candidate.id())).isEmpty());

        assertThat(RoutedCall.start(
                                builds,
                                target,
                                Outcomes.READ,
                                Outcomes.UNCOUNTED,
                                s -> s.get(namespace, Key.of("a"), ReadOptions.DEFAULT))
                        .join())
                .isInstanceOf(GetResult.Missing.class);
    }

    @Test
    void three_refusals_of_the_build_itself_take_the_process_back() {
        builds.apply(route(10_000));
        Target target = builds.table().choose(0);
        of(candidate).refusal = foreign;
        for (int i = 0; i < 5; i++) { // in flight at the same time
            assertThat(RoutedCall.start(
                                    builds,
                                    target,
                                    Outcomes.READ,
                                    Outcomes.UNCOUNTED,
                                    s -> s.get(namespace, Key.of("a"), ReadOptions.DEFAULT))
                            .join())
                    .isInstanceOf(GetResult.Missing.class);
        }

        await().untilAsserted(() -> assertThat(waysBack).hasSize(1));
        assertThat(waysBack.get(0)).startsWith("build_refused " + candidate.id());
    }

    @Test
    void three_refusals_at_the_greeting_take_the_process_back_without_a_request() {
        of(candidate).refusedAtGreeting = foreign;
        builds.apply(route(10_000));
        builds.watch();

        await().untilAsserted(() -> assertThat(stats(candidate).ejected()).isTrue());
        assertThat(stats(candidate).refusals()).as("one attempt counts once").isEqualTo(1);
        assertThat(waysBack).isEmpty();
        for (int attempt = 2; attempt <= 3; attempt++) {
            int seen = attempt;
            of(candidate).refusedAtGreeting = KvException.denied(
                    new KvException.Denial(DenialReason.BUILD_NOT_AUTHORIZED, "production", "production", "s1"),
                    "attempt " + attempt);
            await().untilAsserted(() -> assertThat(stats(candidate).refusals()).isEqualTo(seen));
        }

        await().untilAsserted(() -> assertThat(waysBack).hasSize(1));
        assertThat(waysBack.get(0)).startsWith("build_refused " + candidate.id());
        getMany();
        assertThat(of(candidate).calls).isEmpty();
    }

    @Test
    void a_known_good_build_that_is_refused_at_the_greeting_is_neither_left_nor_a_reason_to_go_back() {
        of(old).refusedAtGreeting = foreign;
        of(candidate).refusedAtGreeting = new KvException(ErrorCode.UNAVAILABLE, "nobody listens");
        builds.apply(route(5_000));
        builds.watch();
        getMany();
        of(old).refusedAtGreeting = unauthorizedBuild;
        getMany();

        // Both have been looked at when the other one's counters are those of a look later.
        of(candidate).refusedAtGreeting = foreign;
        await().untilAsserted(() -> assertThat(stats(candidate).ejected()).isTrue());
        assertThat(stats(old).ejected()).isFalse();
        assertThat(stats(old).refusals()).isZero();
        assertThat(waysBack).isEmpty();
    }

    @Test
    void a_known_good_build_that_refuses_is_replaced_by_the_next_and_tried_again() {
        builds.apply(route(0));
        of(old).refusal = unauthorizedBuild;

        getMany();
        assertThat(of(old).calls).hasSize(1);
        assertThat(of(older).calls).hasSize(1_000);

        of(old).refusal = null;
        await().untilAsserted(() -> {
            var unused = get(1);
            assertThat(of(old).calls).hasSizeGreaterThan(1);
        });
        assertThat(waysBack).isEmpty();
    }

    @Test
    void a_candidate_that_was_left_stays_left_until_a_newer_document_names_it() {
        of(candidate).refusal = foreign;
        builds.apply(route(10_000));
        var unused = get(1);
        of(candidate).refusal = null;
        getMany();
        assertThat(of(candidate).calls).hasSize(1);

        builds.apply(route(9_999));
        assertThat(get(1)).isNotNull();
        assertThat(of(candidate).calls).hasSize(2);
    }

    @Test
    void a_build_that_does_not_know_a_token_which_known_good_takes_is_left_at_the_third() {
        of(candidate).refusal = KvException.denied(
                new KvException.Denial(DenialReason.TOKEN_UNKNOWN, "production", null, candidate.id()),
                "the token is not signed by a key of this environment");
        builds.apply(route(10_000));

        getMany();

        assertThat(of(candidate).calls).hasSize(Builds.EVIDENCE_FOR_PULL);
        assertThat(stats(candidate).ejected()).isTrue();
    }

    @Test
    void a_token_that_is_bad_everywhere_leaves_all_builds_where_they_are() {
        KvException expired = KvException.denied(
                new KvException.Denial(DenialReason.TOKEN_UNKNOWN, "production", null, candidate.id()), "no such key");
        of(candidate).refusal = expired;
        of(old).refusal = expired;
        of(older).refusal = expired;
        builds.apply(route(10_000));

        for (int i = 0; i < 10; i++) {
            int key = i;
            assertThatThrownBy(() -> get(key)).cause().isEqualTo(expired);
        }
        assertThat(builds.stats()).noneMatch(BuildStats::ejected);
    }

    @Test
    void without_the_fallback_callers_see_the_refusal() {
        builds.close();
        builds = builds(new SafetyLayers(false, false, false, false));
        store = new RoutedStore(builds, null, (build, caller) -> overridden.add(caller + " " + build), () -> {});
        of(candidate).refusal = foreign;
        builds.apply(route(10_000));

        assertThatThrownBy(() -> get(1)).cause().isEqualTo(foreign);
        assertThat(transport.links)
                .allSatisfy(link -> assertThat(link.request.enforced()).isFalse());
    }

    @Test
    void where_nobody_answers_the_caller_learns_what_the_build_has_said() {
        of(candidate).refusal = foreign;
        of(old).refusal = new KvException(ErrorCode.UNAVAILABLE, "shutting down");
        builds.apply(route(10_000));

        assertThatThrownBy(() -> get(1)).cause().isEqualTo(foreign);
    }

    @Test
    void a_call_with_many_keys_goes_to_the_build_of_its_first_and_is_tried_elsewhere_as_a_whole() {
        of(candidate).refusal = foreign;
        builds.apply(route(10_000));
        List<Mutation> puts = new ArrayList<>();
        List<Key> keys = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            keys.add(Key.of("key-" + i));
            puts.add(Mutation.put(keys.get(i), Value.of("value-" + i)));
        }

        assertThat(store.writeAll(namespace, puts, WriteOptions.DEFAULT).join()).hasSize(50);
        List<GetResult> found =
                store.getAll(namespace, keys, ReadOptions.DEFAULT).join();

        for (int i = 0; i < 50; i++) {
            assertThat(((GetResult.Found) found.get(i)).value()).isEqualTo(Value.of("value-" + i));
        }
        assertThat(of(candidate).calls).containsExactly("writeAll");
        assertThat(of(old).calls).containsExactly("writeAll", "getAll");
    }

    @Test
    void all_calls_of_a_unit_go_to_one_build() {
        builds.apply(route(5_000));
        for (int user = 0; user < 20; user++) {
            KvStore mine = new RoutedStore(builds, "user-" + user, (build, caller) -> {}, () -> {});
            int before = of(candidate).calls.size();
            for (int i = 0; i < 20; i++) {
                assertThat(mine.get(namespace, Key.of("key-" + i), ReadOptions.DEFAULT)
                                .join())
                        .isNotNull();
            }
            assertThat(of(candidate).calls.size() - before).isIn(0, 20);
        }
        assertThat(of(candidate).calls.size()).isBetween(20, 380);
    }

    @Test
    void before_the_first_route_calls_are_unavailable_and_after_the_end_they_throw() {
        assertThatThrownBy(() -> get(1))
                .cause()
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
        builds.close();
        assertThatThrownBy(() -> get(1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void the_spread_of_slots_is_even() {
        Slots slots = new Slots(new byte[] {4, 2});
        int[] bins = new int[100];
        for (int i = 0; i < 1_000_000; i++) {
            bins[slots.of(new NamespaceId(1, 2), Key.of("key-" + i)) / 100]++;
        }

        // Sampling alone gives 1 % standard deviation for bins of 10,000; FNV-1a without the finish deviates by 4 %.
        for (int bin : bins) {
            assertThat(bin).isBetween(9_600, 10_400);
        }
    }
}
