package io.nearkv.server.incident.process;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.incident.model.Tenant;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What was set up before the processes of a replay began to work. Immutable.
 *
 * @param folder where everything lies
 * @param core where the core node listens, {@code kv://HOST:PORT}
 * @param routers where the routers listen
 * @param keys the keys by which production's documents are signed
 * @param accounts the tenants' accounts
 * @param tokens what the tenants show
 * @param operatorToken what the operators show
 * @param good the new build of production
 * @param known the build of production that is known to be good
 * @param older the one before it
 * @param foreign the build of staging
 */
record World(
        Path folder,
        String core,
        List<String> routers,
        EnvironmentKeys.Created keys,
        Map<Tenant, AccountId> accounts,
        Map<Tenant, String> tokens,
        String operatorToken,
        String good,
        String known,
        String older,
        String foreign) {
    /** What is deployed. */
    static final ServiceId PRODUCTION = ServiceId.parse("default/kv/production");

    /** Where it was tested. */
    static final ServiceId STAGING = ServiceId.parse("default/kv/staging");

    static final List<String> OPERATORS = List.of("alice", "bob");
    static final String HOST = "127.0.0.1";

    /** Checks that nothing is missing. */
    World {
        requireNonNull(folder, "folder");
        requireNonNull(keys, "keys");
        routers = List.copyOf(routers);
        accounts = Map.copyOf(accounts);
        tokens = Map.copyOf(tokens);
    }

    AccountId account(Tenant tenant) {
        return requireNonNull(accounts.get(tenant), "account");
    }

    String token(Tenant tenant) {
        return requireNonNull(tokens.get(tenant), "token");
    }

    /** Returns the folder of a router's documents. */
    Path routeFolder(int router) {
        return folder.resolve(routerName(router)).resolve("route");
    }

    static String routerName(int router) {
        return "router-" + (router + 1);
    }

    /** Returns the folder of the control plane's store and audit log. */
    Path controlFolder() {
        return folder.resolve("control");
    }

    static String address(int port) {
        return "kv://" + HOST + ":" + port;
    }
}
