// What float units compute, by definition: numbers as fixed point wide enough for all of them,
// plain operators, no tricks. For proofs; written apart from the units.
//
// The sum of TERMS numbers (PRODUCTS = 0: a), or of TERMS products of numbers (a, b) and, if
// ADDEND is 1, of a number c, rounded once to nearest even in the same IEEE format.
// WINDOW: 0 exact, else bits kept of the largest term and of terms aligned to it.
module spec #(
    parameter EXP = 8, MAN = 7, BIAS = 127, TERMS = 1, PRODUCTS = 1, ADDEND = 0, FLUSHED = 0,
    parameter WINDOW = 0, STICKY = 0,
    parameter WIDTH = 1 + EXP + MAN
) (
    input [TERMS*WIDTH-1:0] a,
    input [TERMS*WIDTH-1:0] b,
    input [WIDTH-1:0] c,
    output [WIDTH-1:0] o
);
    localparam TOP = (1 << EXP) - 1;                        // field of infinities and NaNs
    localparam COUNT = TERMS + ADDEND;
    localparam BITS = PRODUCTS ? 2 * (MAN + 1) : MAN + 1;   // of a term's significand
    localparam SPAN = PRODUCTS ? 2 * TOP + MAN : TOP;       // exponents are 0 to SPAN
    // Terms count relative to the largest one, whose lowest bit has MORE bits below it. Bit 0 of a
    // sum weighs 2**LOW if the largest exponent is 0.
    localparam MORE = WINDOW != 0 ? WINDOW - BITS : SPAN;
    localparam LOW = (PRODUCTS ? -2 * (BIAS + MAN) : -BIAS - MAN) - MORE;
    localparam WIDE = BITS + MORE + $clog2(COUNT) + 1 + (PRODUCTS ? BIAS + MAN : 0);
    localparam TINY = 1 - BIAS - MAN - LOW;                 // exponent of the smallest subnormal
    localparam E = $clog2(SPAN + WIDE + BIAS + MAN) + 3;    // bits of exponents and positions

    reg [WIDE-1:0] magnitude, rest, whole, term;
    reg signed [WIDE:0] sum;
    reg nan, plus, minus, all_negative, negative, up;
    reg [BITS-1:0] significand [0:COUNT-1];
    reg sign [0:COUNT-1];
    reg signed [E-1:0] exponent [0:COUNT-1];
    reg signed [E-1:0] anchor, lead, q, low, field;
    integer t, n;
    reg [WIDTH-1:0] x, y;
    reg x_inf, y_inf, x_zero, y_zero, infinite;
    reg [MAN:0] xs, ys;

    function [MAN:0] significand_of(input [WIDTH-1:0] p);
        if (p[WIDTH-2:MAN] == 0) significand_of = FLUSHED ? 0 : p[MAN-1:0];
        else significand_of = {1'b1, p[MAN-1:0]};
    endfunction

    function integer exponent_of(input [WIDTH-1:0] p);
        exponent_of = p[WIDTH-2:MAN] == 0 ? 1 : p[WIDTH-2:MAN];
    endfunction

    function is_nan(input [WIDTH-1:0] p);
        is_nan = p[WIDTH-2:MAN] == TOP && p[MAN-1:0] != 0;
    endfunction

    function is_inf(input [WIDTH-1:0] p);
        is_inf = p[WIDTH-2:MAN] == TOP && p[MAN-1:0] == 0;
    endfunction

    always @* begin
        nan = 0; plus = 0; minus = 0; all_negative = 1;
        for (t = 0; t < COUNT; t = t + 1) begin
            x = t < TERMS ? a[t*WIDTH +: WIDTH] : c;
            y = b[(t < TERMS ? t : 0)*WIDTH +: WIDTH];
            xs = significand_of(x); ys = significand_of(y);
            if (PRODUCTS && t < TERMS) begin
                significand[t] = xs * ys;
                exponent[t] = exponent_of(x) + exponent_of(y);
                sign[t] = x[WIDTH-1] ^ y[WIDTH-1];
                nan = nan | is_nan(x) | is_nan(y) | (is_inf(x) & ys == 0) | (is_inf(y) & xs == 0);
                infinite = is_inf(x) | is_inf(y);
            end else begin
                significand[t] = xs;
                // an addend to products counts in their lowest bits
                exponent[t] = exponent_of(x) + (PRODUCTS ? BIAS + MAN : 0);
                sign[t] = x[WIDTH-1];
                nan = nan | is_nan(x);
                infinite = is_inf(x);
            end
            if (PRODUCTS && significand[t] == 0) exponent[t] = 0;
            plus = plus | (infinite & ~sign[t]);
            minus = minus | (infinite & sign[t]);
            all_negative = all_negative & sign[t];
        end

        anchor = 0;
        for (t = 0; t < COUNT; t = t + 1)
            if (exponent[t] > anchor) anchor = exponent[t];
        sum = 0;
        for (t = 0; t < COUNT; t = t + 1) begin
            field = anchor - exponent[t];
            rest = significand[t];
            rest = rest << MORE;
            term = rest >> field;
            if (WINDOW != 0 && STICKY != 0 && (term << field) != rest) term[0] = 1;
            sum = sign[t] ? sum - term : sum + term;
        end
        negative = sum < 0;
        magnitude = negative ? -sum : sum;

        lead = 0;
        for (n = 0; n < WIDE; n = n + 1)
            if (magnitude[n]) lead = n[E-1:0];
        q = lead - MAN;                                     // position of the result's last bit
        low = TINY - anchor;
        if (!FLUSHED && q < low) q = low;
        if (q > 0) begin
            whole = magnitude >> q;
            rest = magnitude & (({{WIDE{1'b0}}, 1'b1} << q) - 1'b1);
            up = rest > ({{WIDE{1'b0}}, 1'b1} << (q - 1)) ||
                 (rest == ({{WIDE{1'b0}}, 1'b1} << (q - 1)) && whole[0]);
        end else begin
            whole = magnitude << -q;
            rest = 0;
            up = 0;
        end
        whole = whole + up;
        field = q - low;                                   // less 1; the hidden bit adds it
        if (whole == 2 << MAN) begin
            whole = 1 << MAN;
            field = field + 1;
        end
        if (nan || (plus && minus)) x = {1'b0, {EXP{1'b1}}, 1'b1, {(MAN - 1){1'b0}}};
        else if (plus || minus) x = {minus, {EXP{1'b1}}, {MAN{1'b0}}};
        else if (magnitude == 0) x = {all_negative, {(WIDTH - 1){1'b0}}};
        else if (FLUSHED && field < 0) x = {negative, {(WIDTH - 1){1'b0}}};
        else if (field + 1 >= TOP) x = {negative, {EXP{1'b1}}, {MAN{1'b0}}};
        else begin
            x[WIDTH-1] = negative;
            x[WIDTH-2:0] = field * (1 << MAN) + whole;
        end
    end
    assign o = x;
endmodule
