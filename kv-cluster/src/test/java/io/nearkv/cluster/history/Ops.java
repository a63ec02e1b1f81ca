package io.nearkv.cluster.history;

import java.util.ArrayList;
import java.util.List;

/** Writes down a history by hand: one call per operation, times in milliseconds. Confined to one thread. */
final class Ops {
    private final List<Operation> operations = new ArrayList<>();

    /** Adds an operation on the key {@code k} by the next client. */
    Ops at(long fromMillis, long toMillis, Operation.Request request, Operation.Response response) {
        return on("k", fromMillis, toMillis, request, response);
    }

    Ops on(String key, long fromMillis, long toMillis, Operation.Request request, Operation.Response response) {
        operations.add(new Operation(
                operations.size() + 1, key, request, response, fromMillis * 1_000_000, toMillis * 1_000_000));
        return this;
    }

    /** Adds an operation of which nothing came back. */
    Ops lost(long fromMillis, Operation.Request request) {
        operations.add(new Operation(
                operations.size() + 1,
                "k",
                request,
                new Operation.Unknown("timeout"),
                fromMillis * 1_000_000,
                Operation.NEVER));
        return this;
    }

    List<Operation> list() {
        return List.copyOf(operations);
    }

    History history() {
        return History.of(operations);
    }

    Report check() {
        return new LinearizabilityChecker().check(history());
    }

    static Operation.Get get() {
        return new Operation.Get();
    }

    static Operation.Response found(String value, long version) {
        return new Operation.Found(value, version);
    }

    static Operation.Response absent() {
        return new Operation.Absent();
    }

    static Operation.Response ok(long version) {
        return new Operation.Applied(version);
    }

    static Operation.Response ok() {
        return new Operation.Applied(Operation.NOT_TOLD);
    }

    static Operation.Response failed() {
        return new Operation.ConditionFailed(Operation.NOT_TOLD);
    }

    static Operation.Response refused() {
        return new Operation.Refused("overloaded");
    }
}
