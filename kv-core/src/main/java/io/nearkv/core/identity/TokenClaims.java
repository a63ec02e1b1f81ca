package io.nearkv.core.identity;

import io.nearkv.core.AccountId;
import io.nearkv.core.NamespaceId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What an access token or a build token says. Decoding checks the form alone; nothing of it is to be believed before {@link TokenVerifier} has checked the
 * signature. Immutable.
 *
 * @param type {@link TokenType#ACCESS} or {@link TokenType#BUILD}
 * @param keyId the key that it claims to be signed with
 * @param environment the audience: the one environment in which it is good
 * @param tokenId 32 hex digits
 * @param subject whom it was made for
 * @param account null in a build token, and only there
 * @param permissions {@link Permissions#none()} in a build token
 * @param buildId always there in a build token; in an access token where the bearer is a server
 * @param notBeforeEpochSecond the first second at which it is good
 * @param expiresAtEpochSecond the first second at which it is good no longer
 */
record TokenClaims(
        TokenType type,
        String keyId,
        Environment environment,
        String tokenId,
        String subject,
        @Nullable AccountId account,
        Permissions permissions,
        @Nullable String buildId,
        long notBeforeEpochSecond,
        long expiresAtEpochSecond) {
    static final String ISSUER = "nearkv";

    private static final String EVERYWHERE = "*";
    private static final Pattern TOKEN_ID = Pattern.compile("[0-9a-f]{32}");
    private static final Pattern ID = Pattern.compile("[0-9a-f]{32}");
    private static final Pattern BUILD_ID =
            Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+-]{0," + (IdentityLimits.MAX_BUILD_ID_CHARS - 1) + "}");

    static boolean isTokenId(String text) {
        return TOKEN_ID.matcher(text).matches();
    }

    static boolean isBuildId(String text) {
        return BUILD_ID.matcher(text).matches();
    }

    /** A subject stands in logs and listings: one line of visible text. */
    static boolean isSubject(String text) {
        return !text.isBlank()
                && text.length() <= IdentityLimits.MAX_SUBJECT_CHARS
                && text.codePoints()
                        .noneMatch(c -> Character.isISOControl(c)
                                || Character.getType(c) == Character.LINE_SEPARATOR
                                || Character.getType(c) == Character.PARAGRAPH_SEPARATOR
                                || Character.getType(c) == Character.FORMAT
                                || Character.getType(c) == Character.SURROGATE);
    }

    static TokenClaims decode(String token) throws MalformedException {
        return decode(CompactJwt.decode(token, IdentityLimits.MAX_TOKEN_CHARS, StrictJson.TOKENS));
    }

    static TokenClaims decode(CompactJwt jwt) throws MalformedException {
        if (jwt.type() == TokenType.REVOCATIONS) {
            throw new MalformedException("it is a revocation list");
        }
        Members claims = new Members(jwt.payload(), "its payload");
        claims.expect("iss", ISSUER);
        String environment = claims.text("aud");
        if (!Environment.isWellFormed(environment)) {
            throw claims.malformed("aud", "the name of an environment");
        }
        String tokenId = claims.text("jti");
        if (!isTokenId(tokenId)) {
            throw claims.malformed("jti", "32 hex digits");
        }
        String subject = claims.text("sub");
        if (!isSubject(subject)) {
            throw claims.malformed("sub", "one line of text");
        }
        String buildId = claims.optionalText("build");
        if (buildId != null && !isBuildId(buildId)) {
            throw claims.malformed("build", "the id of a build");
        }
        AccountId account = null;
        Permissions permissions = Permissions.none();
        if (jwt.type() == TokenType.ACCESS) {
            String id = claims.text("acct");
            if (!ID.matcher(id).matches()) {
                throw claims.malformed("acct", "32 hex digits");
            }
            account = AccountId.parse(id);
            permissions = decodePermissions(claims);
        } else if (buildId == null) {
            throw claims.malformed("build", "there");
        } else if (claims.has("acct") || claims.has("perms")) {
            throw new MalformedException("it is a build token with permissions");
        }
        long notBefore = claims.epochSecond("nbf");
        long expiresAt = claims.epochSecond("exp");
        if (expiresAt <= notBefore) {
            throw claims.malformed("exp", "later than 'nbf'");
        }
        return new TokenClaims(
                jwt.type(),
                jwt.keyId(),
                new Environment(environment),
                tokenId,
                subject,
                account,
                permissions,
                buildId,
                notBefore,
                expiresAt);
    }

    private static Permissions decodePermissions(Members claims) throws MalformedException {
        JsonNode scopes = claims.array("perms");
        if (scopes.size() > Permissions.MAX_NAMESPACES + 1) {
            throw claims.malformed("perms", "of at most " + (Permissions.MAX_NAMESPACES + 1) + " scopes");
        }
        Permissions permissions = Permissions.none();
        for (JsonNode node : scopes) {
            if (!node.isObject()) {
                throw claims.malformed("perms", "an array of objects");
            }
            Members scope = new Members(node, "'perms'");
            Permission[] granted = operations(scope);
            String namespace = scope.text("ns");
            if (namespace.equals(EVERYWHERE)) {
                permissions = permissions.withEverywhere(granted);
            } else if (ID.matcher(namespace).matches()) {
                permissions = permissions.with(NamespaceId.parse(namespace), granted);
            } else {
                throw scope.malformed("ns", "* or 32 hex digits");
            }
        }
        return permissions;
    }

    private static Permission[] operations(Members scope) throws MalformedException {
        List<Permission> granted = new ArrayList<>();
        for (JsonNode operation : scope.array("ops")) {
            Permission permission = operation.isString() ? Permission.ofLabel(operation.stringValue()) : null;
            // An operation of a later version is not skipped: what it would have limited or allowed is not known here.
            if (permission == null || granted.contains(permission)) {
                throw scope.malformed("ops", "an array of read, write and admin, each once at most");
            }
            granted.add(permission);
        }
        return granted.toArray(Permission[]::new);
    }

    /** Returns the same claims under another id. The key id goes into the headers, which are the signing key's. */
    TokenClaims renewed(String newTokenId) {
        return new TokenClaims(
                type,
                keyId,
                environment,
                newTokenId,
                subject,
                account,
                permissions,
                buildId,
                notBeforeEpochSecond,
                expiresAtEpochSecond);
    }

    /** Returns the payload; the headers are the signing key's. */
    Map<String, Object> encode() {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", ISSUER);
        claims.put("aud", environment.name());
        claims.put("jti", tokenId);
        claims.put("sub", subject);
        if (account != null) {
            claims.put("acct", account.toString());
            List<Map<String, Object>> scopes = new ArrayList<>();
            if (!permissions.everywhere().isEmpty()) {
                scopes.add(scope(EVERYWHERE, permissions.everywhere()));
            }
            permissions.byNamespace().forEach((id, granted) -> scopes.add(scope(id.toString(), granted)));
            claims.put("perms", scopes);
        }
        if (buildId != null) {
            claims.put("build", buildId);
        }
        claims.put("nbf", notBeforeEpochSecond);
        claims.put("exp", expiresAtEpochSecond);
        return claims;
    }

    private static Map<String, Object> scope(String namespace, Set<Permission> granted) {
        Map<String, Object> scope = new LinkedHashMap<>();
        scope.put("ns", namespace);
        scope.put("ops", granted.stream().map(Permission::label).toList());
        return scope;
    }
}
