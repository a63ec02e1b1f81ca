package io.nearkv.net.server;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.identity.Authority;
import io.nearkv.core.identity.Grant;
import io.nearkv.core.identity.Permission;
import io.nearkv.core.identity.Permissions;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What stands before every operation of one connection: may this node serve, is the caller's token still good, may it do this to that namespace. Internal to kv-net. Not
 * thread-safe: confined to the event loop of its connection.
 */
public final class SessionGuard {
    /** More namespaces than an account has; bounds what a connection can make us remember. */
    private static final int MAX_NAMESPACES = 4096;

    private final Authority authority;
    private final boolean everyAccount;
    private Grant grant;

    // Namespaces that exist, or did, and are the account's. Ids are never used again and never change their account, so
    // nothing here gets stale; what is deleted
    // is refused by the store.
    private final Map<NamespaceId, Namespace> namespaces = new HashMap<>();
    private @Nullable Namespace last;

    /** A namespace of the account, and what the grant allows there. */
    public static final class Namespace {
        private final NamespaceId id;
        private boolean mayRead;
        private boolean mayWrite;

        private Namespace(NamespaceId id) {
            this.id = id;
        }

        /** Returns its id. */
        public NamespaceId id() {
            return id;
        }

        private void allow(Permissions permissions) {
            mayRead = permissions.allows(id, Permission.READ);
            mayWrite = permissions.allows(id, Permission.WRITE);
        }
    }

    /**
     * Creates the guard of a connection whose token gave this grant.
     *
     * @param everyAccount whether the bearer is a tier that stands for the callers of every account, whom it has authenticated itself
     */
    public SessionGuard(Authority authority, Grant grant, boolean everyAccount) {
        this.authority = authority;
        this.everyAccount = everyAccount;
        this.grant = grant;
    }

    /** Returns whether the bearer is a tier that stands for the callers of every account. */
    boolean isOfEveryAccount() {
        return everyAccount;
    }

    /** Returns what the caller's token grants. */
    public Grant grant() {
        return grant;
    }

    /** Returns null if the node may serve and the token is good at this moment, else the 401. */
    public @Nullable KvException refusal() {
        KvException refusal = authority.refusal();
        if (refusal != null) {
            return refusal;
        }
        if (authority.epoch() != grant.epoch() || authority.expired(grant)) {
            try {
                grant = authority.recheck(grant);
            } catch (KvException e) {
                return e;
            }
            for (Namespace namespace : namespaces.values()) {
                namespace.allow(grant.permissions());
            }
        }
        return null;
    }

    /** Returns the namespace if it is known already, else null. */
    public @Nullable Namespace known(long high, long low) {
        Namespace recent = last;
        if (recent != null && recent.id.high() == high && recent.id.low() == low) {
            return recent;
        }
        Namespace found = namespaces.get(new NamespaceId(high, low));
        if (found != null) {
            last = found;
        }
        return found;
    }

    /**
     * Remembers a namespace that a lookup by its id has found; null for none. Throws 404 alike whether there is none or it is another account's, which must not even learn
     * that it exists.
     */
    public Namespace accept(NamespaceId id, @Nullable NamespaceInfo found) {
        if (found == null || !(everyAccount || found.account().equals(grant.account()))) {
            throw notFound(id);
        }
        return add(id);
    }

    /** Returns the 404 of a namespace that does not exist for the caller. */
    public static KvException notFound(NamespaceId id) {
        return new KvException(ErrorCode.NOT_FOUND, "namespace " + id + " does not exist");
    }

    private Namespace add(NamespaceId id) {
        if (namespaces.size() >= MAX_NAMESPACES) {
            namespaces.clear();
        }
        Namespace namespace = new Namespace(id);
        namespace.allow(grant.permissions());
        namespaces.put(id, namespace);
        last = namespace;
        return namespace;
    }

    /** Throws 403 unless the grant covers reading. */
    public void requireRead(Namespace namespace) {
        if (!namespace.mayRead) {
            throw forbidden("read", namespace.id);
        }
    }

    /** Throws 403 unless the grant covers writing. */
    public void requireWrite(Namespace namespace) {
        if (!namespace.mayWrite) {
            throw forbidden("write", namespace.id);
        }
    }

    /** Throws 403 unless the grant covers administering the namespace. */
    public void requireAdmin(NamespaceId namespace) {
        if (!grant.permissions().allows(namespace, Permission.ADMIN)) {
            throw forbidden("administer", namespace);
        }
    }

    /** Throws 403 unless the grant covers this on all namespaces of the account. */
    public void requireEverywhere(Permission permission) {
        if (!grant.permissions().allowsEverywhere(permission)) {
            throw scope("the token may not " + permission.label() + " on all namespaces of its account");
        }
    }

    /** Returns whether the grant says anything about the namespace: enough to see that it exists. */
    public boolean maySee(NamespaceId namespace) {
        Permissions permissions = grant.permissions();
        return permissions.allows(namespace, Permission.READ)
                || permissions.allows(namespace, Permission.WRITE)
                || permissions.allows(namespace, Permission.ADMIN);
    }

    /** Returns a 403 with this message. */
    public KvException scope(String message) {
        return KvException.denied(
                new KvException.Denial(
                        DenialReason.SCOPE, authority.environment(), grant.environment(), authority.buildId()),
                message);
    }

    private KvException forbidden(String what, NamespaceId namespace) {
        return scope("the token may not " + what + " namespace " + namespace);
    }
}
