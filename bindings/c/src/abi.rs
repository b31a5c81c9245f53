/// The version of the C ABI: the functions, their types and the numbers of their statuses. The shared library's soname
/// ends with it.
pub const RULEBOUND_ABI: u32 = 1;
