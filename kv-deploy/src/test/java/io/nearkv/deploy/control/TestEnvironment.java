package io.nearkv.deploy.control;

import io.nearkv.core.AccountId;
import io.nearkv.core.Value;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.ServiceId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;

/** The keys of one environment in a folder, as {@code nearkv env create} makes them. */
final class TestEnvironment {
    final ServiceId service;
    final IdentityDirectory identity;
    final Path routeKey;
    final Value trust;
    final List<DocumentSigner> people;

    TestEnvironment(Path folder, String name, InstantSource clock) {
        service = ServiceId.of(name);
        identity = IdentityDirectory.initialize(
                folder.resolve("data"), new Environment(name), new AccountId(1, 2), "test", clock);
        EnvironmentKeys.Created keys = EnvironmentKeys.create(
                folder.resolve("data"),
                folder.resolve("out"),
                service,
                EnvironmentClass.PRODUCTION,
                List.of("alice", "bob"),
                clock);
        routeKey = keys.routeKey();
        people = keys.breakGlassKeys().values().stream()
                .map(DocumentSigner::read)
                .toList();
        try {
            trust = Value.wrap(Files.readAllBytes(keys.trust()));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
