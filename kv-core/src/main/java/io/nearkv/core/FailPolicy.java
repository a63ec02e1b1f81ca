package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What a reader does when nothing can be read: nobody upstream answers ({@link ErrorCode#UNAVAILABLE}, {@link ErrorCode#DEADLINE_EXCEEDED}), and no cache on the way has an answer
 * that is fresh enough. A refusal (401, 403) and a mistake (400) are never covered up. Immutable.
 */
public final class FailPolicy {
    /** An error is an error. The default. What a cache on the way may answer while nobody upstream does, is then for the cache to say. */
    public static final FailPolicy CLOSED = new FailPolicy(null, null);

    private final @Nullable Value substitute;
    private final @Nullable Duration staleUpTo;

    private FailPolicy(@Nullable Value substitute, @Nullable Duration staleUpTo) {
        this.substitute = substitute;
        this.staleUpTo = staleUpTo;
    }

    /** Takes this value where nothing can be read; the answer then has {@link Origin.Source#SUBSTITUTE} and version 0. */
    public static FailPolicy open(Value substitute) {
        return new FailPolicy(requireNonNull(substitute, "substitute"), null);
    }

    /** Takes what a cache has, up to this much older than it should be, marked {@link Origin.Source#STALE}; an error where it has nothing. */
    public static FailPolicy staleUpTo(Duration age) {
        if (age.isNegative()) {
            throw new IllegalArgumentException("age: " + age + " (expected: zero or more)");
        }
        return new FailPolicy(null, age);
    }

    /** Returns the options of reads under this policy. */
    ReadOptions applyTo(ReadOptions reads) {
        return staleUpTo == null ? reads : reads.withStaleIfError(staleUpTo);
    }

    /** Returns the answer under this policy. */
    CompletableFuture<GetResult> apply(CompletableFuture<GetResult> answer) {
        if (substitute == null) {
            return answer;
        }
        Chained<GetResult> chain = new Chained<>();
        chain.follow(answer, (result, failure) -> {
            if (failure == null) {
                chain.finish(result, null);
            } else {
                chain.complete(recover(failure));
            }
        });
        return chain;
    }

    /** Returns what stands in for the answer of a get that has failed, or throws the failure. */
    GetResult recover(KvException failure) {
        Value value = substitute;
        if (value != null
                && (failure.code() == ErrorCode.UNAVAILABLE || failure.code() == ErrorCode.DEADLINE_EXCEEDED)) {
            return GetResult.Found.substitute(value.toByteArray());
        }
        throw failure;
    }
}
