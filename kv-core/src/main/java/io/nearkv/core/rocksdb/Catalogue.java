package io.nearkv.core.rocksdb;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All accounts and namespaces, in memory. Immutable: the writer makes a changed copy and shows it when the change is committed, so that readers need no lock. Copying
 * is fine because changes are rare and accounts have at most {@link Limits#MAX_NAMESPACES_PER_ACCOUNT}.
 */
final class Catalogue {
    static final Catalogue EMPTY = new Catalogue(Map.of(), Map.of(), 1, 0);

    /**
     * A namespace.
     *
     * @param number what stands for its id in keys; never used again
     * @param info the rest
     */
    record Namespace(int number, NamespaceInfo info) {
        NamespaceId id() {
            return info.id();
        }
    }

    private final Map<AccountId, AccountInfo> accounts;
    private final Map<NamespaceId, Namespace> namespaces;
    private final Map<Integer, Namespace> byNumber;
    private final int nextNumber;
    private final long revision;

    Catalogue(
            Map<AccountId, AccountInfo> accounts,
            Map<NamespaceId, Namespace> namespaces,
            int nextNumber,
            long revision) {
        this.accounts = accounts;
        this.namespaces = namespaces;
        this.nextNumber = nextNumber;
        this.revision = revision;
        this.byNumber = new HashMap<>();
        namespaces.values().forEach(namespace -> byNumber.put(namespace.number(), namespace));
    }

    int nextNumber() {
        return nextNumber;
    }

    /** Returns the number of changes that made this. */
    long revision() {
        return revision;
    }

    /** Returns a namespace. @throws KvException {@link ErrorCode#NOT_FOUND} */
    Namespace namespace(NamespaceId id) {
        Namespace namespace = namespaces.get(id);
        if (namespace == null) {
            throw unknownNamespace(id.toString());
        }
        return namespace;
    }

    /** Returns a namespace, or null if there is none with this id. */
    @Nullable
    Namespace find(NamespaceId id) {
        return namespaces.get(id);
    }

    /** Returns the namespace with this number, or null if it was deleted. */
    @Nullable
    Namespace ofNumber(int number) {
        return byNumber.get(number);
    }

    Namespace namespace(AccountId account, String title) {
        AccountInfo owner = account(account);
        for (Namespace namespace : namespaces.values()) {
            if (namespace.info().account().equals(owner.id())
                    && namespace.info().title().equals(title)) {
                return namespace;
            }
        }
        throw unknownNamespace(title);
    }

    private static KvException unknownNamespace(String name) {
        return new KvException(
                ErrorCode.NOT_FOUND,
                "namespace '" + Key.display(name) + "' is unknown (expected: one that was created and not deleted)");
    }

    AccountInfo account(AccountId id) {
        AccountInfo account = accounts.get(id);
        if (account == null) {
            throw new KvException(ErrorCode.NOT_FOUND, "account " + id + " is unknown");
        }
        return account;
    }

    /** Returns the namespaces of all accounts, in no order. */
    Collection<Namespace> allNamespaces() {
        return namespaces.values();
    }

    List<AccountInfo> accounts() {
        return accounts.values().stream()
                .sorted(Comparator.comparing(account -> account.id().toString()))
                .toList();
    }

    List<NamespaceInfo> namespaces(AccountId account) {
        AccountInfo owner = account(account);
        return namespaces.values().stream()
                .map(Namespace::info)
                .filter(info -> info.account().equals(owner.id()))
                .sorted(Comparator.comparing(NamespaceInfo::title))
                .toList();
    }

    /** Checks a name of an account or title of a namespace. */
    static void checkTitle(String title) {
        if (title.isEmpty() || title.length() > Limits.MAX_TITLE_CHARS) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "title of " + title.length() + " characters (expected: 1 to " + Limits.MAX_TITLE_CHARS + ")");
        }
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(title)) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "title has an unpaired surrogate (expected: valid Unicode text)");
        }
    }

    Catalogue with(AccountInfo account) {
        Map<AccountId, AccountInfo> changed = new HashMap<>(accounts);
        changed.put(account.id(), account);
        return new Catalogue(changed, namespaces, nextNumber, revision + 1);
    }

    /** Returns a copy with one more namespace, which has the number {@link #nextNumber()} of this one. */
    Catalogue with(NamespaceInfo info) {
        checkTitle(info.title());
        List<NamespaceInfo> siblings = namespaces(info.account());
        checkFree(info, siblings);
        if (siblings.size() >= Limits.MAX_NAMESPACES_PER_ACCOUNT) {
            throw new KvException(
                    ErrorCode.RATE_LIMITED,
                    "the account has " + siblings.size() + " namespaces (expected: at most "
                            + Limits.MAX_NAMESPACES_PER_ACCOUNT + ")");
        }
        return replaced(new Namespace(nextNumber, info), nextNumber + 1);
    }

    Catalogue renamed(NamespaceInfo info) {
        checkTitle(info.title());
        checkFree(info, namespaces(info.account()));
        return replaced(new Namespace(namespace(info.id()).number(), info), nextNumber);
    }

    private static void checkFree(NamespaceInfo info, List<NamespaceInfo> siblings) {
        for (NamespaceInfo sibling : siblings) {
            if (sibling.title().equals(info.title()) && !sibling.id().equals(info.id())) {
                throw new KvException(
                        ErrorCode.PRECONDITION_FAILED, "namespace '" + Key.display(info.title()) + "' exists already");
            }
        }
    }

    private Catalogue replaced(Namespace namespace, int newNextNumber) {
        Map<NamespaceId, Namespace> changed = new HashMap<>(namespaces);
        changed.put(namespace.id(), namespace);
        return new Catalogue(accounts, changed, newNextNumber, revision + 1);
    }

    Catalogue without(NamespaceId id) {
        Map<NamespaceId, Namespace> changed = new HashMap<>(namespaces);
        changed.remove(id);
        return new Catalogue(accounts, changed, nextNumber, revision + 1);
    }
}
