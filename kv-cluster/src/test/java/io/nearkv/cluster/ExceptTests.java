package io.nearkv.cluster;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.lang.reflect.AnnotatedElement;
import java.util.List;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Leaves tests of a contract out that promise what a tier does not. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@Inherited
@ExtendWith(ExceptTests.Leaver.class)
@interface ExceptTests {
    /** Returns the names of the tests. */
    String[] value();

    /** Disables them; fails for a name that no test has. */
    final class Leaver implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            Class<?> type = context.getRequiredTestClass();
            List<String> names = List.of(type.getAnnotation(ExceptTests.class).value());
            AnnotatedElement element = context.getElement().orElse(type);
            if (element instanceof Class<?> tests) {
                for (String name : names) {
                    if (List.of(tests.getMethods()).stream()
                            .noneMatch(method -> method.getName().equals(name))) {
                        throw new IllegalStateException("no test " + name);
                    }
                }
                return ConditionEvaluationResult.enabled("a class");
            }
            return context.getTestMethod()
                            .filter(method -> names.contains(method.getName()))
                            .isPresent()
                    ? ConditionEvaluationResult.disabled("ShardedStoreTest says what holds in its place")
                    : ConditionEvaluationResult.enabled("promised by this tier too");
        }
    }
}
