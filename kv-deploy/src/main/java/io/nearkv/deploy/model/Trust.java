package io.nearkv.deploy.model;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.identity.Ed25519Keys;
import io.nearkv.core.identity.KeyRole;
import io.nearkv.core.identity.Keyset;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Whom a service's processes believe: the roots, and all public keys of the environment. Immutable.
 *
 * @param service whose trust it is
 * @param environmentClass how much is at stake
 * @param serial 1 for the first, higher in each that follows
 * @param roots the 32 bytes of each root key
 * @param rootThreshold how many of them must sign the next trust
 * @param keyset the environment's keys
 * @param owners whose a break-glass key is, by the key's id; the keys of one owner count once
 * @param breakGlassThreshold how many owners a break-glass takes
 */
public record Trust(
        ServiceId service,
        EnvironmentClass environmentClass,
        long serial,
        List<Bytes> roots,
        int rootThreshold,
        Keyset keyset,
        Map<String, String> owners,
        int breakGlassThreshold) {
    /** What stands before the hyphen in the id of a root key. */
    public static final String ROOT_LABEL = "root";

    /** Checks all of it, with {@link IllegalArgumentException}. */
    public Trust {
        requireNonNull(service, "service");
        requireNonNull(environmentClass, "environmentClass");
        requireNonNull(keyset, "keyset");
        ModelLimits.number("serial", serial, 1);
        roots = List.copyOf(roots);
        ModelLimits.range("roots", roots.size(), 1, ModelLimits.MAX_ROOTS);
        roots.forEach(root -> ModelLimits.hash("root key", root));
        if (new HashSet<>(roots).size() != roots.size()) {
            throw new IllegalArgumentException("roots: one is there twice");
        }
        ModelLimits.range("root threshold", rootThreshold, 1, roots.size());
        if (!keyset.environment().name().equals(service.environment())) {
            throw new IllegalArgumentException("keyset: of another environment");
        }
        owners = Map.copyOf(owners);
        ModelLimits.range("owners", owners.size(), 0, ModelLimits.MAX_OWNERS);
        for (Map.Entry<String, String> owner : owners.entrySet()) {
            Keyset.Entry key = keyset.entry(owner.getKey());
            if (key == null
                    || key.role() != KeyRole.BREAK_GLASS
                    || owner.getValue().isBlank()) {
                throw new IllegalArgumentException("owners: of a key that is no break-glass key, or without a name");
            }
            ModelLimits.text("owner", owner.getValue());
        }
        ModelLimits.range(
                "break-glass threshold",
                breakGlassThreshold,
                environmentClass == EnvironmentClass.PRODUCTION ? 2 : 1,
                ModelLimits.MAX_OWNERS);
    }

    /** Returns the id of a root key: {@code root-} and the start of the key's hash. */
    public static String rootId(Bytes root) {
        return Ed25519Keys.idOf(ROOT_LABEL, root.toArray());
    }

    /** Returns the root keys by id. */
    public Map<String, Bytes> rootsById() {
        Map<String, Bytes> byId = new LinkedHashMap<>();
        roots.forEach(root -> byId.put(rootId(root), root));
        return byId;
    }

    /** Returns the key of this id if it is in the keyset and of this role, else null. */
    public Keyset.@Nullable Entry key(String keyId, KeyRole role) {
        Keyset.Entry key = keyset.entry(keyId);
        return key == null || key.role() != role ? null : key;
    }

    /** Returns the ids of all keys of a role. */
    public Set<String> keyIds(KeyRole role) {
        return keyset.entries().stream()
                .filter(entry -> entry.role() == role)
                .map(Keyset.Entry::id)
                .collect(Collectors.toUnmodifiableSet());
    }
}
