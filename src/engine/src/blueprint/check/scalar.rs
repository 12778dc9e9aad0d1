//! Single values: allowed words, bounds, patterns and formats.

use serde_json::Value;

use super::{Checker, format, union, words};
use crate::blueprint::diagnostic::{Diagnostic, did_you_mean};
use crate::blueprint::node::{Data, Node};

impl Checker<'_> {
    pub(super) fn scalar(&mut self, schema: &Value, node: &Node) {
        match &node.data {
            Data::Number(number) => self.bounds(schema, node, number.as_f64().unwrap_or(f64::NAN)),
            Data::Text(text) => self.text(schema, node, text),
            Data::Null | Data::Bool(_) | Data::List(_) | Data::Map(_) => {}
        }
        if let (Data::Number(_) | Data::Bool(_), Some(allowed)) = (&node.data, union::constants(schema)) {
            let written = node.value().to_string();
            if !allowed.contains(&written) {
                let message = format!("`{written}` is not one of the values this key takes");
                let hint = words::choice("one of", allowed.iter().map(String::as_str));
                self.report(Diagnostic::error(node.span, message).maybe_hint(hint));
            }
        }
    }

    fn bounds(&mut self, schema: &Value, node: &Node, value: f64) {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        let problem = if least.is_some_and(|least| value < least) {
            least.map(|least| format!("less than {least}"))
        } else if most.is_some_and(|most| value > most) {
            most.map(|most| format!("more than {most}"))
        } else if bound("exclusiveMinimum").is_some_and(|least| value <= least) {
            bound("exclusiveMinimum").map(|least| format!("not more than {least}"))
        } else if bound("exclusiveMaximum").is_some_and(|most| value >= most) {
            bound("exclusiveMaximum").map(|most| format!("not less than {most}"))
        } else if bound("multipleOf").is_some_and(|step| step != 0.0 && (value / step).fract() != 0.0) {
            bound("multipleOf").map(|step| format!("not a multiple of {step}"))
        } else {
            None
        };
        if let Some(problem) = problem {
            let hint = match (least, most) {
                (Some(least), Some(most)) if most < 4e9 => Some(format!("it lies between {least} and {most}")),
                _ => None,
            };
            let message = format!("{} is {problem}", self.sources.quote(node.span));
            self.report(Diagnostic::error(node.span, message).maybe_hint(hint));
        }
    }

    fn text(&mut self, schema: &Value, node: &Node, text: &str) {
        if let Some(allowed) = union::constants(schema) {
            if !allowed.iter().any(|allowed| allowed == text) {
                let names = || allowed.iter().map(String::as_str);
                let hint = did_you_mean(text, names()).or_else(|| words::choice("one of", names()));
                let message = format!("`{}` is not one of the values this key takes", words::short(text));
                self.report(Diagnostic::error(node.span, message).maybe_hint(hint));
            }
            return;
        }
        let length = text.chars().count() as u64;
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        if let Some(least) = bound("minLength").filter(|least| length < *least) {
            let message = if length == 0 {
                "the text is empty".to_owned()
            } else {
                format!("the text has {}, and needs at least {least}", words::count(length as usize, "character"))
            };
            self.report(Diagnostic::error(node.span, message));
            return;
        }
        if let Some(most) = bound("maxLength").filter(|most| length > *most) {
            let message = format!("the text has {length} characters, and may have at most {most}");
            self.report(Diagnostic::error(node.span, message));
            return;
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && !format::matches(pattern, text)
        {
            let hint = format::describe(pattern).or_else(|| {
                let about = schema.get("description").and_then(Value::as_str)?;
                Some(format!("it is {}", words::sentence(about)))
            });
            let message = format!("`{}` is not of the form this key takes", words::short(text));
            self.report(Diagnostic::error(node.span, message).maybe_hint(hint));
            return;
        }
        if let Some(name) = schema.get("format").and_then(Value::as_str)
            && let Err(problem) = format::check(name, text)
        {
            self.report(Diagnostic::error(node.span, problem.message).hint(problem.hint));
        }
    }
}
