package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.NamespaceId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a token allows, per namespace and for all namespaces of its account. Immutable. {@link #allows} allocates nothing: it runs with every request.
 */
public final class Permissions {
    /** Most single namespaces that a token can name; what needs more is a token for the account. */
    public static final int MAX_NAMESPACES = 64;

    private static final Permissions NONE = new Permissions(0, Map.of());

    private final int everywhereBits;
    private final Map<NamespaceId, Integer> bitsByNamespace;

    private Permissions(int everywhereBits, Map<NamespaceId, Integer> bitsByNamespace) {
        this.everywhereBits = everywhereBits;
        this.bitsByNamespace = Map.copyOf(bitsByNamespace);
    }

    /** Returns the permissions that allow nothing; where a build of them starts. */
    public static Permissions none() {
        return NONE;
    }

    /** Returns the permissions of an administrator of the account: {@link Permission#ADMIN} on all namespaces. */
    public static Permissions administrator() {
        return NONE.withEverywhere(Permission.ADMIN);
    }

    /** Returns these and the given ones on every namespace of the account, those to come included. */
    public Permissions withEverywhere(Permission... permissions) {
        return new Permissions(everywhereBits | bits(permissions), bitsByNamespace);
    }

    /**
     * Returns these and the given ones on one namespace.
     *
     * @throws IllegalArgumentException if that makes more than {@link #MAX_NAMESPACES} namespaces
     */
    public Permissions with(NamespaceId namespace, Permission... permissions) {
        Map<NamespaceId, Integer> more = new HashMap<>(bitsByNamespace);
        more.merge(requireNonNull(namespace, "namespace"), bits(permissions), (a, b) -> a | b);
        if (more.size() > MAX_NAMESPACES) {
            throw new IllegalArgumentException(
                    "namespaces: " + more.size() + " (expected: at most " + MAX_NAMESPACES + ")");
        }
        return new Permissions(everywhereBits, more);
    }

    /** Returns whether the permission holds on this namespace. */
    public boolean allows(NamespaceId namespace, Permission permission) {
        int wanted = permission.grantedByBits();
        if ((everywhereBits & wanted) != 0) {
            return true;
        }
        Integer bits = bitsByNamespace.get(namespace);
        return bits != null && (bits & wanted) != 0;
    }

    /** Returns whether the permission holds on all namespaces of the account. {@code allowsEverywhere(ADMIN)} is what the catalogue asks. */
    public boolean allowsEverywhere(Permission permission) {
        return (everywhereBits & permission.grantedByBits()) != 0;
    }

    /** Returns what holds everywhere, as it was granted: {@link Permission#ADMIN} does not unfold. */
    public Set<Permission> everywhere() {
        return setOf(everywhereBits);
    }

    /** Returns the namespaces that are named one by one, in the order of their text form, and what was granted on each. */
    public Map<NamespaceId, Set<Permission>> byNamespace() {
        Map<String, NamespaceId> sorted = new TreeMap<>();
        bitsByNamespace.keySet().forEach(id -> sorted.put(id.toString(), id));
        Map<NamespaceId, Set<Permission>> result = new LinkedHashMap<>();
        sorted.values().forEach(id -> result.put(id, setOf(requireNonNull(bitsByNamespace.get(id)))));
        return Collections.unmodifiableMap(result);
    }

    private static int bits(Permission... permissions) {
        int bits = 0;
        for (Permission permission : permissions) {
            bits |= permission.bit();
        }
        return bits;
    }

    private static Set<Permission> setOf(int bits) {
        EnumSet<Permission> set = EnumSet.noneOf(Permission.class);
        for (Permission permission : Permission.values()) {
            if ((bits & permission.bit()) != 0) {
                set.add(permission);
            }
        }
        return Collections.unmodifiableSet(set);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Permissions that
                && everywhereBits == that.everywhereBits
                && bitsByNamespace.equals(that.bitsByNamespace);
    }

    @Override
    public int hashCode() {
        return 31 * everywhereBits + bitsByNamespace.hashCode();
    }

    /** Returns a text such as {@code *:read 0123…:read,write}, or {@code none}. */
    @Override
    public String toString() {
        List<String> scopes = new ArrayList<>();
        if (everywhereBits != 0) {
            scopes.add("*:" + labels(everywhere()));
        }
        byNamespace().forEach((id, permissions) -> scopes.add(id + ":" + labels(permissions)));
        return scopes.isEmpty() ? "none" : String.join(" ", scopes);
    }

    private static String labels(Set<Permission> permissions) {
        return permissions.stream().map(Permission::label).collect(Collectors.joining(","));
    }
}
