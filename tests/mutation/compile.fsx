/// Compiles the library with changes, from memory and in one process. mutate.py starts it with Roslyn of the SDK referenced
/// (-r:Microsoft.CodeAnalysis.dll -r:Microsoft.CodeAnalysis.CSharp.dll) and PROJECT ARGUMENTS GENERATED: ARGUMENTS has the compiler's
/// arguments, one a line; GENERATED is a folder of what source generators wrote. A line of the input is one of
///   one FILE CHANGED OUTPUT   the library with the text of CHANGED in FILE's place; the answer is `ok`, or `error` and the first error
///   all LIST OUTPUT           the library with all changes of LIST in it, of which the environment variable MUTANT chooses one; a line of
///                             LIST is ID FILE POSITION LENGTH TEXT; the answer is `ok` and the ids that could be written so
/// with tabs between the words. A change of an operand or an operator becomes `(Mutant.Is(ID) ? changed : as it was)`; where C# asks for a
/// constant, or the types do not allow it, it is left to `one`.
open System
open System.Collections.Generic
open System.IO
open System.Text
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Microsoft.CodeAnalysis.CSharp.Syntax
open Microsoft.CodeAnalysis.Text

let project, arguments, generated =
    match fsi.CommandLineArgs with
    | [| _; project; arguments; generated |] -> project, File.ReadAllLines arguments, generated
    | _ -> failwith "compile.fsx PROJECT ARGUMENTS GENERATED"

let parsed = CSharpCommandLineParser.Default.Parse(arguments, project, null)
let parseText (name: string) (text: string) = CSharpSyntaxTree.ParseText(SourceText.From(text, Encoding.UTF8), parsed.ParseOptions, name)
let parse (name: string) (path: string) = parseText name (File.ReadAllText path)
let written = Directory.GetFiles(generated, "*.cs", SearchOption.AllDirectories)

let whole =
    CSharpCompilation.Create(
        parsed.CompilationName,
        [ for path in Seq.append [ for file in parsed.SourceFiles -> file.Path ] written -> parse path path ],
        [
            for reference in parsed.MetadataReferences -> MetadataReference.CreateFromFile reference.Reference :> MetadataReference
        ],
        parsed.CompilationOptions.WithGeneralDiagnosticOption ReportDiagnostic.Suppress
    )

let trees = dict [ for tree in whole.SyntaxTrees -> tree.FilePath, tree ]
let errors (found: seq<Diagnostic>) = found |> Seq.filter (fun one -> one.Severity = DiagnosticSeverity.Error) |> List.ofSeq

let one (file: string) changed (output: string) =
    let result = whole.ReplaceSyntaxTree(trees[file], parse file changed).Emit output
    List.tryHead (errors result.Diagnostics)

// ---- all changes in one library

type Change = { Id: int; File: string; Position: int; Length: int; Text: string }

let mark = "mutant"

/// Whether C# asks for a constant here.
let isConstant (node: SyntaxNode) =
    node.Ancestors()
    |> Seq.exists (fun above ->
        match above with
        | :? FieldDeclarationSyntax as field -> field.Modifiers.Any SyntaxKind.ConstKeyword
        | :? LocalDeclarationStatementSyntax as local -> local.Modifiers.Any SyntaxKind.ConstKeyword
        | :? ParameterSyntax
        | :? AttributeSyntax
        | :? SwitchLabelSyntax
        | :? PatternSyntax
        | :? EnumMemberDeclarationSyntax -> true
        | _ -> false)

let chosen id (changed: ExpressionSyntax) (plain: ExpressionSyntax) : SyntaxNode =
    let bracket (node: ExpressionSyntax) = SyntaxFactory.ParenthesizedExpression node
    let condition = SyntaxFactory.ParseExpression $"global::Reproduction.Mutant.Is({id})"

    (SyntaxFactory.ConditionalExpression(condition, bracket changed, bracket plain) |> bracket)
        .WithAdditionalAnnotations(SyntaxAnnotation(mark, string id))

type Rewriter(changes: Change list) =
    inherit CSharpSyntaxRewriter()

    let among (span: TextSpan) = changes |> List.filter (fun change -> span.Contains change.Position)

    override _.VisitLiteralExpression node =
        match among node.Span with
        | [ change ] when not (isConstant node) ->
            let text = node.ToString()
            let at = change.Position - node.SpanStart
            let changed = text.Substring(0, at) + change.Text + text.Substring(at + change.Length)
            chosen change.Id (SyntaxFactory.ParseExpression changed) (node.WithoutTrivia())
        | _ -> node

    override this.VisitBinaryExpression node =
        let visited = base.VisitBinaryExpression node :?> BinaryExpressionSyntax
        // An operator's change begins at the blank before it.
        match changes |> List.filter (fun change -> change.Position + 1 = node.OperatorToken.SpanStart) with
        | [ change ] when not (isConstant node) ->
            let token = SyntaxFactory.ParseToken(change.Text.Trim())
            let isLogical kind = kind = SyntaxKind.AmpersandAmpersandToken || kind = SyntaxKind.BarBarToken

            // a && b && c with one operator changed is another tree, not another node.
            let isInChain =
                isLogical (token.Kind())
                && (node.Parent :? BinaryExpressionSyntax || node.Left :? BinaryExpressionSyntax || node.Right :? BinaryExpressionSyntax)

            if isInChain then
                visited
            else
                let kind = SyntaxFacts.GetBinaryExpression(token.Kind())
                chosen change.Id (SyntaxFactory.BinaryExpression(kind, visited.Left, token, visited.Right)) visited
        | _ -> visited

let chooser =
    String.Join(
        "\n",
        "namespace Reproduction;",
        "internal static class Mutant",
        "{",
        "    private static readonly int Chosen = int.Parse(System.Environment.GetEnvironmentVariable(\"MUTANT\") ?? \"0\");",
        "    public static bool Is(int number) => Chosen == number;",
        "}"
    )
    |> parseText "Mutant.cs"

let rec all (changes: Change list) (output: string) round =
    let mutable compilation = whole.AddSyntaxTrees chooser

    for file, own in List.groupBy _.File changes do
        let old = trees[file]
        let root = (Rewriter own).Visit(old.GetRoot()) :?> CSharpSyntaxNode
        compilation <- compilation.ReplaceSyntaxTree(old, CSharpSyntaxTree.Create(root, parsed.ParseOptions, file, Encoding.UTF8))

    let result = compilation.Emit output

    let broken =
        HashSet [
            for error in errors result.Diagnostics do
                let root = error.Location.SourceTree.GetRoot()
                let node = root.FindNode error.Location.SourceSpan

                for near in Seq.append (node.AncestorsAndSelf()) (node.DescendantNodes()) do
                    for annotation in near.GetAnnotations mark -> int annotation.Data
        ]

    let written = [
        for tree in compilation.SyntaxTrees do
            for node in tree.GetRoot().GetAnnotatedNodes mark do
                for annotation in node.GetAnnotations mark -> int annotation.Data
    ]

    eprintfn "round %d: %d of %d written, %d do not fit" round (List.distinct written).Length changes.Length broken.Count

    if result.Success then
        List.distinct written
    elif broken.Count = 0 || round > 6 then
        for error in errors result.Diagnostics |> List.truncate 5 do
            eprintfn "%O" error

        []
    else
        all (changes |> List.filter (fun change -> not (broken.Contains change.Id))) output (round + 1)

let readChange (line: string) =
    match line.Split '\t' with
    | [| id; file; position; length; text |] -> { Id = int id; File = file; Position = int position; Length = int length; Text = text }
    | _ -> failwith $"{line}: not ID FILE POSITION LENGTH TEXT"

let answer (line: string) =
    match line.Split '\t' with
    | [| "one"; file; changed; output |] ->
        match one file changed output with
        | None -> "ok"
        | Some error -> $"error {error}"
    | [| "all"; list; output |] ->
        let ids = all [ for line in File.ReadAllLines list -> readChange line ] output 1
        "ok " + String.Join(" ", ids)
    | _ -> "error a line is `one` or `all` with its files"

for line in Seq.initInfinite (fun _ -> Console.In.ReadLine()) |> Seq.takeWhile (isNull >> not) do
    Console.Out.WriteLine((answer line).ReplaceLineEndings " ")
    Console.Out.Flush()
