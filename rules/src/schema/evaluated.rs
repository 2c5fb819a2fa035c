//! What the keywords of a schema have looked at, for `unevaluatedProperties` and
//! `unevaluatedItems`: theirs is what is left.

use serde_json::{Map, Value};

use super::evaluation::{Case, Evaluation, Found};
use crate::violation::Violation;

impl Evaluation<'_> {
    /// What is said of members and items that nothing else has looked at.
    pub(super) fn unevaluated(&self, case: Case<'_>, instance: &Value, found: &mut Found) {
        match instance {
            Value::Object(members) => {
                let Some(schema) = case.get("unevaluatedProperties") else {
                    return;
                };
                if !self.takes(members.len()) {
                    return;
                }
                let mut seen = vec![false; members.len()];
                self.each_in_place(case, instance, true, &mut |case, is_own| {
                    self.see_members(case, members, is_own, &mut seen);
                });
                let left = members.iter().zip(seen).filter(|(_, is_seen)| !is_seen);
                for ((name, value), _) in left {
                    let at = case.at.member(name);
                    match schema {
                        Value::Bool(false) => found.add(|| {
                            let what = "found a member of this name, expected none";
                            Violation::new(&at, "unevaluatedProperties", what)
                        }),
                        schema => self.apply(schema, value, &at, case.depth, found),
                    }
                }
            }
            Value::Array(items) => {
                let Some(schema) = case.get("unevaluatedItems") else {
                    return;
                };
                if !self.takes(items.len()) {
                    return;
                }
                let mut seen = vec![false; items.len()];
                self.each_in_place(case, instance, true, &mut |case, is_own| {
                    self.see_items(case, items, is_own, &mut seen);
                });
                let left = items.iter().zip(seen).enumerate();
                for (index, (item, _)) in left.filter(|(_, (_, is_seen))| !is_seen) {
                    let at = case.at.item(index);
                    match schema {
                        Value::Bool(false) => found.add(|| {
                            let what = "found another item, expected none";
                            Violation::new(&at, "unevaluatedItems", what)
                        }),
                        schema => self.apply(schema, item, &at, case.depth, found),
                    }
                }
            }
            _ => {}
        }
    }

    /// Shows `see` each schema that holds of the value because this one does, and whether it is this
    /// one.
    fn each_in_place(
        &self,
        case: Case<'_>,
        instance: &Value,
        is_own: bool,
        see: &mut dyn FnMut(Case<'_>, bool),
    ) {
        see(case, is_own);
        let mut next = |schema: &Value| {
            if let Some(case) = self.within(schema, case) {
                self.each_in_place(case, instance, false, see);
            }
        };
        if let Some(target) = self.target(case) {
            next(target);
        }
        case.array("allOf")
            .into_iter()
            .flatten()
            .for_each(&mut next);
        for keyword in ["anyOf", "oneOf"] {
            let schemas = case.array(keyword).into_iter().flatten();
            schemas
                .filter(|schema| self.fits(schema, instance, case))
                .for_each(&mut next);
        }
        if let Some(schema) = case.get("if") {
            let branch = if self.fits(schema, instance, case) {
                next(schema);
                "then"
            } else {
                "else"
            };
            case.get(branch).into_iter().for_each(&mut next);
        }
        if let Value::Object(members) = instance {
            for keyword in ["dependencies", "dependentSchemas"] {
                let schemas = case.object(keyword).into_iter().flatten();
                schemas
                    .filter(|(name, schema)| !schema.is_array() && members.contains_key(*name))
                    .for_each(|(_, schema)| next(schema));
            }
        }
    }

    fn see_members(
        &self,
        case: Case<'_>,
        members: &Map<String, Value>,
        is_own: bool,
        seen: &mut [bool],
    ) {
        let is_all = case.get("additionalProperties").is_some()
            || (!is_own && case.get("unevaluatedProperties").is_some());
        if is_all {
            self.takes(seen.len() / 16);
            return seen.fill(true);
        }
        let properties = case.object("properties");
        let patterns = case.object("patternProperties");
        if properties.is_none() && patterns.is_none() {
            return;
        }
        for (name, is_seen) in members.keys().zip(seen) {
            *is_seen = *is_seen
                || !self.takes(1)
                || properties.is_some_and(|properties| properties.contains_key(name))
                || patterns.is_some_and(|patterns| {
                    patterns.keys().any(|pattern| self.matches(pattern, name))
                });
        }
    }

    fn see_items(&self, case: Case<'_>, items: &[Value], is_own: bool, seen: &mut [bool]) {
        let prefix = case.array("prefixItems").unwrap_or_default();
        let (listed, is_all) = match case.get("items") {
            Some(Value::Array(schemas)) => (schemas.len(), case.get("additionalItems").is_some()),
            Some(_) => (0, true),
            None => (prefix.len(), false),
        };
        if is_all || (!is_own && case.get("unevaluatedItems").is_some()) {
            self.takes(seen.len() / 16);
            return seen.fill(true);
        }
        seen.iter_mut().take(listed).for_each(|seen| *seen = true);
        if let Some(schema) = case.get("contains") {
            for (item, is_seen) in items.iter().zip(seen) {
                *is_seen = *is_seen || self.fits(schema, item, case);
            }
        }
    }
}
