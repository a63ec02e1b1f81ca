package io.nearkv.net.client;

import io.nearkv.core.AccountId;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.stream.Stream;

/** An environment with real keys in a folder of its own. */
final class TestIdentity implements AutoCloseable {
    static final String BUILD = "build-1";

    final NodeAuthority authority;
    final String token;
    private final IdentityDirectory identity;
    private final Path folder;

    TestIdentity(String environment, AccountId account) {
        try {
            folder = Files.createTempDirectory("nearkv-client-test");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        InstantSource clock = InstantSource.system();
        Environment name = new Environment(environment);
        identity = IdentityDirectory.initialize(folder.resolve("data"), name, account, BUILD, clock);
        authority = NodeAuthority.open(name, identity.files(), null, clock);
        token = token(account);
    }

    /** Returns a new administrator's token of an account. */
    String token(AccountId of) {
        return identity.issueToken(new TokenRequest("test", of, Permissions.administrator(), Duration.ofHours(1)));
    }

    @Override
    public void close() {
        authority.close();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
