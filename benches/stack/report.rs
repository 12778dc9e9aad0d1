//! Figures side by side with what is aimed at.

/// Prints the head of the table.
pub(crate) fn title() {
    println!("{:<52}{:>14}{:>14}", "", "measured", "aim");
}

/// Prints the name of a group of figures.
pub(crate) fn group(name: &str) {
    println!("\n{name}");
}

/// Prints one figure.
pub(crate) fn row(name: &str, measured: String, aim: &str) {
    println!("  {name:<50}{measured:>14}{aim:>14}");
}
