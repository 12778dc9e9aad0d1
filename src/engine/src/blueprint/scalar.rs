//! What an unquoted YAML scalar means: YAML 1.2's core schema (<https://yaml.org/spec/1.2.2/#103-core-schema>).

use serde_json::Number;

use super::node::Data;

/// Reads an unquoted scalar.
///
/// A number with a leading zero stays text: it was octal in YAML 1.1, is decimal in 1.2, and is most often an account
/// id or a file mode. So does a number too long for 64 bits.
pub(super) fn plain(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "TRUE" => return Data::Bool(true),
        "false" | "False" | "FALSE" => return Data::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Data::Text(text.to_owned()), Data::Number)
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().map(Number::from);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    let starts_well = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let plain = digits.chars().all(|c| matches!(c, '0'..='9' | '.' | 'e' | 'E' | '-' | '+'));
    if leading_zero || !starts_well || !plain {
        return None;
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let signed = || unsigned.parse::<i64>().ok().map(Number::from);
        return unsigned.parse::<u64>().ok().map(Number::from).or_else(signed);
    }
    unsigned.parse::<f64>().ok().filter(|float| float.is_finite()).and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_mean_what_yaml_1_2_says() {
        let text = |text: &str| json!(text);
        for (written, expected) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("yes", text("yes")),
            ("on", text("on")),
            ("42", json!(42)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("017", text("017")),
            ("012345678901", text("012345678901")),
            ("0", json!(0)),
            ("0.5", json!(0.5)),
            ("8.0", json!(8.0)),
            ("1e3", json!(1000.0)),
            ("1.2.3", text("1.2.3")),
            ("12:30", text("12:30")),
            ("1_000", text("1_000")),
            (".", text(".")),
            ("-", text("-")),
            ("e5", text("e5")),
            (".inf", text(".inf")),
            ("99999999999999999999999", text("99999999999999999999999")),
        ] {
            let value = match plain(written) {
                Data::Null => json!(null),
                Data::Bool(value) => json!(value),
                Data::Number(number) => json!(number),
                Data::Text(text) => json!(text),
                data => panic!("{data:?}"),
            };
            assert_eq!(value, expected, "{written}");
        }
    }
}
