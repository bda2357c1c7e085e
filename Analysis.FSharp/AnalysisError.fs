namespace Reproduction.Analysis

/// A failure that a user causes and can mend: one or two lines that name the file, the value and the way out.
exception AnalysisError of message: string with
    override this.Message = this.message
