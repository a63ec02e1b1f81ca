package io.nearkv.net.rest;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.net.server.Op;
import io.netty.handler.codec.http.HttpMethod;
import org.jspecify.annotations.Nullable;

/**
 * What the path of a request names. Everything behind {@code values/} and {@code metadata/} is the key, slashes included, because some clients send them as they are.
 * Immutable.
 *
 * @param resource what is named
 * @param account the account's segment, empty where there is none
 * @param namespace the namespace's segment, empty where there is none
 * @param key the key's part of the path, still encoded; empty where there is none
 * @param query what follows the question mark, still encoded; empty where there is none
 */
record Route(Resource resource, String account, String namespace, String key, String query) {
    /** Where all paths begin. */
    static final String BASE = "/client/v4";

    private static final String ACCOUNTS = BASE + "/accounts";
    private static final String NAMESPACES = "/storage/kv/namespaces";

    /** The resources of the API, with the methods that each has. */
    enum Resource {
        NAMESPACES("GET, POST"),
        NAMESPACE("GET, PUT, DELETE"),
        KEYS("GET"),
        VALUE("GET, HEAD, PUT, DELETE"),
        METADATA("GET"),
        BULK("PUT, DELETE"),
        BULK_GET("POST"),
        BULK_DELETE("POST"),
        WATCH("GET"),
        TOKEN_VERIFY("GET"),
        USER("GET"),
        ACCOUNTS("GET"),
        MEMBERSHIPS("GET");

        private final String methods;

        Resource(String methods) {
            this.methods = methods;
        }

        /** Returns the methods, as the {@code Allow} header has them. */
        String methods() {
            return methods;
        }
    }

    /** Returns what a request target names. Throws 404 where it names nothing. */
    static Route of(String target) {
        int question = target.indexOf('?');
        String path = question < 0 ? target : target.substring(0, question);
        String query = question < 0 ? "" : target.substring(question + 1);
        Route route = path.startsWith(ACCOUNTS) ? belowAccounts(path, query) : withoutAccount(path, query);
        if (route == null) {
            throw unknown(path);
        }
        return route;
    }

    private static @Nullable Route withoutAccount(String path, String query) {
        Resource resource = switch (path) {
            case BASE + "/user" -> Resource.USER;
            case BASE + "/user/tokens/verify" -> Resource.TOKEN_VERIFY;
            case BASE + "/memberships" -> Resource.MEMBERSHIPS;
            default -> null;
        };
        return resource == null ? null : new Route(resource, "", "", "", query);
    }

    private static @Nullable Route belowAccounts(String path, String query) {
        int from = ACCOUNTS.length();
        if (path.length() == from) {
            return new Route(Resource.ACCOUNTS, "", "", "", query);
        }
        if (path.charAt(from) != '/') {
            return null;
        }
        int end = endOfSegment(path, from + 1);
        String account = path.substring(from + 1, end);
        if (account.isEmpty()) {
            return null;
        }
        if (path.startsWith("/tokens/verify", end) && path.length() == end + "/tokens/verify".length()) {
            return new Route(Resource.TOKEN_VERIFY, account, "", "", query);
        }
        if (!path.startsWith(NAMESPACES, end)) {
            return null;
        }
        from = end + NAMESPACES.length();
        if (path.length() == from) {
            return new Route(Resource.NAMESPACES, account, "", "", query);
        }
        if (path.charAt(from) != '/') {
            return null;
        }
        end = endOfSegment(path, from + 1);
        String namespace = path.substring(from + 1, end);
        if (end == path.length()) {
            return new Route(Resource.NAMESPACE, account, namespace, "", query);
        }
        int segment = end + 1;
        end = endOfSegment(path, segment);
        Resource resource = belowNamespace(path, segment, end);
        if (resource == null) {
            return null;
        }
        boolean named = resource == Resource.VALUE || resource == Resource.METADATA;
        return new Route(
                resource, account, namespace, named && end < path.length() ? path.substring(end + 1) : "", query);
    }

    private static @Nullable Resource belowNamespace(String path, int segment, int end) {
        if (is(path, segment, end, "values")) {
            return Resource.VALUE;
        }
        if (is(path, segment, end, "metadata")) {
            return Resource.METADATA;
        }
        return switch (path.substring(segment)) {
            case "keys" -> Resource.KEYS;
            case "bulk" -> Resource.BULK;
            case "bulk/get" -> Resource.BULK_GET;
            case "bulk/delete" -> Resource.BULK_DELETE;
            case "watch" -> Resource.WATCH;
            default -> null;
        };
    }

    private static boolean is(String path, int from, int end, String word) {
        return end - from == word.length() && path.startsWith(word, from);
    }

    private static int endOfSegment(String path, int from) {
        int slash = path.indexOf('/', from);
        return slash < 0 ? path.length() : slash;
    }

    /** Returns what the request is counted as. */
    Op op(HttpMethod method) {
        return switch (resource) {
            case VALUE ->
                method.equals(HttpMethod.PUT) ? Op.PUT : method.equals(HttpMethod.DELETE) ? Op.DELETE : Op.GET;
            case METADATA -> Op.GET;
            case KEYS -> Op.LIST;
            case BULK, BULK_DELETE -> Op.BATCH;
            case BULK_GET -> Op.GET_ALL;
            case WATCH -> Op.WATCH;
            default -> Op.ADMIN;
        };
    }

    /** Returns the 404 of a path that is none, and of an account that is not the caller's. */
    static RestException unknown(String path) {
        return new RestException(
                404,
                WorkersCodes.NO_ROUTE,
                new KvException(
                        ErrorCode.NOT_FOUND,
                        "Could not route to " + Key.display(path) + ", perhaps your object identifier is invalid?"));
    }

    /** Returns the 405 of a method that the resource does not have. */
    RestException methodNotAllowed(String method) {
        return RestException.methodNotAllowed(
                Key.display(method) + " method not allowed here (expected: " + resource.methods() + ")",
                resource.methods());
    }

    /** Returns the 405 that Workers KV answers where the key or the namespace id is empty. */
    RestException nothingNamed(String method) {
        return RestException.methodNotAllowed(
                Key.display(method) + " method not allowed: the path has an empty "
                        + (namespace.isEmpty() ? "namespace id" : "key"),
                resource.methods());
    }
}
