package io.nearkv.net.client;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.wire.Wire;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the client says of itself in HELLO, and its check of what the server says, which stands before any request: a server of another environment, or of a build that is
 * not allowed, gets none. Immutable.
 */
final class Greeting {
    private final Wire.Hello hello;
    private final String environment;
    private final Set<String> builds;
    private final ServerCheck check;

    /**
     * Creates a greeting.
     *
     * @param environment the environment that the server must be of
     * @param builds the ids of the builds that are allowed; empty for all
     * @param check what a server must prove beyond that
     * @param store which of the server's stores is meant
     */
    Greeting(
            String token,
            String environment,
            Set<String> builds,
            ServerCheck check,
            String clientName,
            int streamWindowBytes,
            int store) {
        this.environment = environment;
        this.builds = builds;
        this.check = check;
        String version = Greeting.class.getPackage().getImplementationVersion();
        this.hello = Wire.Hello.newBuilder()
                .setMinVersion(Protocol.MIN_VERSION)
                .setMaxVersion(Protocol.MAX_VERSION)
                .setToken(token)
                .setExpectedEnvironment(check.enforced() ? environment : "")
                .setClientName(clientName)
                .setClientVersion(version == null ? "" : version)
                .setStreamWindowBytes(streamWindowBytes)
                .setStore(store)
                .build();
    }

    Wire.Hello hello() {
        return hello;
    }

    /** Returns why nothing may be sent to this server, or null if all is well. */
    @Nullable
    KvException refusal(ServerAddress server, Wire.HelloOk answer) {
        if (answer.getVersion() < Protocol.MIN_VERSION || answer.getVersion() > Protocol.MAX_VERSION) {
            return new KvException(
                    ErrorCode.INVALID_REQUEST,
                    server + " speaks protocol version " + answer.getVersion() + " (expected: " + Protocol.MIN_VERSION
                            + " to " + Protocol.MAX_VERSION + ")");
        }
        if (!check.enforced()) {
            return null;
        }
        String build = answer.getBuildId();
        if (!answer.getEnvironment().equals(environment)) {
            return refused(
                    DenialReason.ENVIRONMENT_MISMATCH,
                    answer,
                    server + " serves environment '" + answer.getEnvironment() + "' with build '" + build
                            + "' (expected: '" + environment + "')");
        }
        if (!builds.isEmpty() && !builds.contains(build)) {
            return refused(
                    DenialReason.BUILD_NOT_AUTHORIZED,
                    answer,
                    server + " is of build '" + build + "' (expected: one of " + builds + ")");
        }
        if (!answer.getBuildToken().isEmpty() && !isOf(answer.getBuildToken(), build)) {
            return refused(
                    DenialReason.BUILD_NOT_AUTHORIZED,
                    answer,
                    server + " shows a build token that is not of build '" + build + "' in environment '" + environment
                            + "'");
        }
        return check.buildToken().apply(answer.getBuildToken());
    }

    /** The client has no keys to verify the token with; what it says must fit all the same. */
    private boolean isOf(String buildToken, String build) {
        try {
            TokenPayload claims = TokenPayload.of(buildToken);
            return environment.equals(claims.text("aud")) && build.equals(claims.text("build"));
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private KvException refused(DenialReason reason, Wire.HelloOk answer, String message) {
        return KvException.denied(
                new KvException.Denial(reason, environment, answer.getEnvironment(), answer.getBuildId()), message);
    }
}
