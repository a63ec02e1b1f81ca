package io.nearkv.server.node;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.KvException;
import io.nearkv.core.identity.Authority;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.Grant;

/**
 * The authority of a node that has found data of another environment and no identity beside it: there is nothing to verify a token with, making an identity would write
 * into a folder that is not this node's, and every operation is refused anyway. Immutable.
 */
final class DetachedAuthority implements Authority {
    private final Environment environment;
    private final KvException refusal;

    DetachedAuthority(Environment environment, KvException refusal) {
        this.environment = requireNonNull(environment, "environment");
        this.refusal = requireNonNull(refusal, "refusal");
    }

    @Override
    public String environment() {
        return environment.name();
    }

    @Override
    public String buildId() {
        return "unknown";
    }

    @Override
    public String buildToken() {
        return "";
    }

    @Override
    public KvException refusal() {
        return refusal;
    }

    @Override
    public Grant authenticate(String token) {
        throw refusal;
    }

    @Override
    public long epoch() {
        return 1;
    }

    @Override
    public Grant recheck(Grant grant) {
        throw refusal;
    }

    @Override
    public boolean expired(Grant grant) {
        return true;
    }
}
